import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Trigger } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { parseCron } from "../triggers/cron.ts";
import { entriesOf, isNull, itemsOf, positionOf } from "./tokens.ts";

/** `schedule:`: times as cron writes them, each with a time zone if it has one. */
export function readSchedules(token: TemplateToken, diagnostics: Diagnostics): NonNullable<Trigger["schedules"]> {
  const schedules: { cron: string; timezone?: string }[] = [];
  for (const item of isNull(token) ? [] : itemsOf(token)) {
    let cron: string | undefined;
    let timezone: string | undefined;
    for (const { key, at, value } of entriesOf(item)) {
      const place = positionOf(value, at);
      if (key === "cron") {
        cron = value.toString();
        const problem = parseCron(cron);
        if (typeof problem !== "string") continue;
        const hint = "for example '30 5 * * 1-5': at 5:30 from Monday to Friday";
        diagnostics.error(place, { code: "invalid-cron", message: `schedule '${cron}': ${problem}`, hint });
      } else if (key === "timezone") {
        timezone = value.toString();
        if (isTimeZone(timezone)) continue;
        const hint = "for example Europe/Berlin; without it times are UTC";
        diagnostics.error(place, { code: "unknown-timezone", message: `unknown time zone '${timezone}'`, hint });
      }
    }
    if (cron !== undefined) schedules.push({ cron, ...(timezone !== undefined && { timezone }) });
  }
  return schedules;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
}

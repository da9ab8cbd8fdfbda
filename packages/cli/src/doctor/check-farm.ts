import type { Check } from "@windrow/contract";
import type { ApiClient } from "../api/client.ts";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { type OpenedFarm, openFarm } from "../commands/open-farm.ts";
import { VERSION } from "../version.ts";

const CLOCK_DIFFERENCE_MAX_MS = 5000;

/** Configuration, the way to the farm, who we are there, and what the farm says of itself; stops where nothing more can be known. */
export async function checkFarm(context: CommandContext, options: FarmOptions): Promise<Check[]> {
  const checks: Check[] = [];
  const opened = await attempt("configuration", () => openFarm(context, options));
  if ("check" in opened) return [opened.check];
  const farm = opened.value;
  checks.push(describeConfiguration(farm));
  for (const url of farm.connection.urls) checks.push(await checkReachable(url));
  if (!checks.some((check) => check.name.startsWith("reach") && check.state === "ok")) return checks;
  const ready = await attempt("ready", () => farm.api.call("ready", {}));
  checks.push("check" in ready ? ready.check : { name: "ready", state: "ok", detail: "it can serve" });
  const who = await attempt("token", () => farm.api.call("whoami", {}));
  if ("check" in who) return [...checks, who.check];
  const { name, role } = who.value.answer;
  checks.push({
    name: "token",
    state: "ok",
    detail: `${name}${role === null ? "" : `, ${role}`} (from ${farm.connection.tokenOrigin ?? "nowhere"})`,
  });
  return [...checks, ...(await checkInside(context, farm.api))];
}

async function checkInside(context: CommandContext, api: ApiClient): Promise<Check[]> {
  const sentAtMs = context.clock.nowMs();
  const viewed = await attempt("farm", () => api.call("viewFarm", {}));
  if ("check" in viewed) return [viewed.check];
  const farm = viewed.value.answer;
  const answeredAtMs = context.clock.nowMs();
  return [judgeVersion(farm.version), judgeClock(Date.parse(farm.time), { sentAtMs, answeredAtMs }), ...farm.checks];
}

export function judgeVersion(farmVersion: string): Check {
  const isSame = farmVersion === VERSION;
  return {
    name: "version",
    state: isSame ? "ok" : "warning",
    detail: isSame ? VERSION : `farm ${farmVersion}, command line ${VERSION}`,
    ...(isSame ? {} : { hint: "Use the command line of the farm's version" }),
  };
}

/** The farm's time must lie between our asking and its answer, give or take `CLOCK_DIFFERENCE_MAX_MS`. */
export function judgeClock(farmMs: number, here: { readonly sentAtMs: number; readonly answeredAtMs: number }): Check {
  const aheadMs = Math.max(0, farmMs - here.answeredAtMs) || Math.min(0, farmMs - here.sentAtMs);
  const isClose = Math.abs(aheadMs) <= CLOCK_DIFFERENCE_MAX_MS;
  return {
    name: "clock",
    state: isClose ? "ok" : "warning",
    detail: isClose
      ? "agrees with the farm"
      : `the farm is ${Math.abs(aheadMs / 1000).toFixed(0)} s ${aheadMs > 0 ? "ahead" : "behind"}`,
    ...(isClose ? {} : { hint: "Set both clocks by NTP" }),
  };
}

function describeConfiguration({ connection }: OpenedFarm): Check {
  const from = connection.urlOrigin === "local" ? "the farm on this machine" : connection.urlOrigin;
  return { name: "configuration", state: "ok", detail: `${connection.urls.join(", ")} (from ${from})` };
}

async function checkReachable(url: string): Promise<Check> {
  const { createApiClient } = await import("../api/client.ts");
  const api = createApiClient({ urls: [url], token: undefined, answerMaxMs: 5000 });
  const answered = await attempt(`reach ${url}`, () => api.call("health", {}));
  return "check" in answered
    ? answered.check
    : { name: `reach ${url}`, state: "ok", detail: `alive (${answered.value.answer.state})` };
}

/** A CliError becomes a failed check. */
async function attempt<T>(name: string, work: () => Promise<T>): Promise<{ value: T } | { check: Check }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return { check: { name, state: "failed", detail: error.message, ...hint } };
  }
}

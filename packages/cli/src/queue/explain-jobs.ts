import type { QueueEntry } from "@windrow/contract";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { formatDuration } from "../output/duration.ts";
import { type Fact, formatFacts } from "../output/facts.ts";
import { printJson, printLines, say } from "../output/print.ts";
import type { Style } from "../output/terminal.ts";
import { findJobIds } from "./find-jobs.ts";
import { colourOfReason, formatPosition, formatStart } from "./queue-look.ts";

/** Of one run so many are explained at a time. */
const EXPLAINED_MAX = 20;

/** `windrow queue why` */
export async function explainJobs(context: CommandContext, options: FarmOptions, text: string): Promise<undefined> {
  const { terminal } = context;
  const farm = await openFarm(context, options);
  const ids = await findJobIds(farm, text);
  const found: { readonly answer: QueueEntry; readonly json: unknown }[] = [];
  for (const job of ids) {
    if (found.length === EXPLAINED_MAX) break;
    const one = await farm.api.call("explainJob", { params: { job } });
    // of a run only what waits is asked for
    if (ids.length === 1 || one.answer.reason !== null) found.push(one);
  }
  if (options.json) return printJson(terminal, ids.length === 1 ? found[0]?.json : found.map(({ json }) => json));
  if (found.length === 0) {
    say(terminal, "Nothing of it waits.");
    return;
  }
  const nowMs = context.clock.nowMs();
  await printLines(
    terminal,
    found.flatMap(({ answer }, at) => [
      ...(at === 0 ? [] : [""]),
      ...formatEntry(answer, { nowMs, style: terminal.outStyle, columns: terminal.out.columns }),
    ]),
  );
  if (found.length === EXPLAINED_MAX)
    say(
      terminal,
      terminal.errStyle("dim", `The first ${EXPLAINED_MAX} are shown; see all with: windrow queue list --blocked`),
    );
}

/** One job as text: which it is, why it waits, what would let it start, its place, when it may start. */
export function formatEntry(
  entry: QueueEntry,
  options: { readonly nowMs: number; readonly style: Style; readonly columns?: number | undefined },
): string[] {
  const { reason } = entry;
  const { nowMs, style, columns } = options;
  const head = `job ${entry.job_id} ${style("bold", entry.name)} · run #${entry.run_id} · ${entry.repository} · ${entry.workflow_name}`;
  if (reason === null) return [head, "", `  It does not wait: it is ${entry.state}.`];
  const waitedMs = nowMs - Date.parse(entry.waiting_since);
  const position = formatPosition(entry);
  const facts: Fact[] = [
    ["why", `${style(colourOfReason(reason), reason.code)}: ${reason.sentence}`],
    ["unblock", reason.unblock],
    ["place", position === "" ? null : `${position}${entry.is_on_top ? ", moved to the top" : ""}`],
    ["start", reason.is_stuck ? null : formatStart(entry, nowMs)],
    ["labels", entry.labels.length === 0 ? null : entry.labels.join(", ")],
    ["pools", entry.pools.length === 0 ? null : entry.pools.join(", ")],
    ["waits", formatDuration(waitedMs)],
  ];
  return [head, "", ...formatFacts(facts, { nameColumns: 7, style, columns })];
}

import type { PoolSimulation, SimulatedJson } from "@windrow/contract";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { formatDuration } from "../output/duration.ts";
import { printJson, printLines } from "../output/print.ts";
import { formatTable, type TableColumn } from "../output/table.ts";
import type { Style } from "../output/terminal.ts";
import { formatMs } from "./format-scaling.ts";
import { duration } from "./read-numbers.ts";
import { type PolicyOptions, readPolicy } from "./read-policy.ts";

export interface SimulatePoolOptions extends FarmOptions, PolicyOptions {
  readonly since?: string;
}

/** `windrow pool simulate`: what another policy would have done with the recorded jobs. Changes nothing. */
export async function simulatePool(
  context: CommandContext,
  options: SimulatePoolOptions,
  name = "",
): Promise<undefined> {
  const scaling = readPolicy(options);
  const since = options.since === undefined ? {} : { since_ms: duration("--since", options.since) };
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("simulatePool", { params: { pool: name }, body: { scaling, ...since } });
  if (options.json) return printJson(context.terminal, json);
  await printLines(context.terminal, formatSimulation(answer, context.terminal.outStyle));
}

const COLUMNS: readonly TableColumn[] = [
  { title: "" },
  { title: "AGENTS" },
  { title: "MOST", align: "right" },
  { title: "AGENT-HOURS", align: "right" },
  { title: "WAIT P50", align: "right" },
  { title: "P95", align: "right" },
  { title: "P99", align: "right" },
  { title: "IN TARGET", align: "right" },
];

/** A simulation as text. */
export function formatSimulation(simulation: PoolSimulation, style: Style): string[] {
  const { recorded, today, changed, jobs_count: count } = simulation;
  const span = formatDuration(Date.parse(simulation.to) - Date.parse(simulation.from));
  if (count === 0) return [`The pool ${simulation.pool} ran no job in the last ${span}: there is nothing to replay.`];
  const cut = simulation.is_cut ? " (the newest of them)" : "";
  const { usual, slow } = simulation.start_ms;
  const target = changed.scaling === null ? "" : `; the target is ${formatDuration(changed.scaling.target_wait_ms)}`;
  const rows = [
    row("recorded", recorded),
    ...(today === null ? [] : [row("today's, replayed", today)]),
    row("changed, replayed", changed),
  ];
  return [
    `${count} jobs of the last ${span}${cut}, an agent there ${formatMs(usual)} after it is asked for (slow ones ${formatMs(slow)})${target}.`,
    "",
    ...formatTable(COLUMNS, rows, { styleTitle: (title) => style("dim", title) }),
  ];
}

function row(name: string, { scaling, waits, agent_ms: agentMs, agents_max: most }: SimulatedJson): string[] {
  const wait = (ms: number | null) => (ms === null ? "-" : formatMs(ms));
  const warm = scaling !== null && scaling.warm_min > 0 ? ` +${scaling.warm_min} warm` : "";
  const within = waits.within_target_percent;
  return [
    name,
    scaling === null ? "by hand" : `${scaling.min}..${scaling.max}${warm}`,
    String(most),
    (agentMs / 3_600_000).toFixed(2),
    wait(waits.p50_ms),
    wait(waits.p95_ms),
    wait(waits.p99_ms),
    within === null ? "-" : `${Math.round(within * 10) / 10} %`,
  ];
}

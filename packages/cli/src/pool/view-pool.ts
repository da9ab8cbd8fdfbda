import type { Pool } from "@windrow/contract";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { formatAge, formatDuration } from "../output/duration.ts";
import { type Fact, formatFacts } from "../output/facts.ts";
import { printJson, printLines } from "../output/print.ts";
import type { Style } from "../output/terminal.ts";
import { describeJobs } from "./describe-jobs.ts";
import { describeScaling } from "./describe-scaling.ts";
import { formatUpgrade } from "./describe-upgrade.ts";
import { findScaling } from "./find-scaling.ts";
import { findUpgrade } from "./find-upgrade.ts";
import { formatScaling } from "./format-scaling.ts";

/** `windrow pool view` */
export async function viewPool(context: CommandContext, options: FarmOptions, name: string): Promise<undefined> {
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("viewPool", { params: { pool: name } });
  const scaling = await findScaling(farm.api, name);
  if (options.json) return printJson(context.terminal, scaling === undefined ? json : { ...answer, now: scaling });
  const { outStyle: style, out } = context.terminal;
  const look = { nowMs: context.clock.nowMs(), style, columns: out.columns };
  await printLines(context.terminal, formatPool(answer, look));
  if (scaling !== undefined) await printLines(context.terminal, formatScaling(scaling, look));
  const upgrade = await findUpgrade(farm.api, name);
  if (upgrade !== undefined) await printLines(context.terminal, formatUpgrade(upgrade, look));
}

/** A pool as text. */
export function formatPool(
  pool: Pool,
  look: { readonly nowMs: number; readonly style: Style; readonly columns: number | undefined },
): string[] {
  const { style, nowMs, columns } = look;
  const age = (time: string) => formatAge(Date.parse(time), nowMs);
  const facts: Fact[] = [
    ["agents", `${pool.agents_count}, ${pool.slots_used} of ${pool.slots} slots taken`],
    ["labels", pool.labels.join(", ") || "none of its own"],
    ["priority", `${pool.priority}, weight ${pool.weight}`],
    ["jobs", pool.jobs_max === null ? "as many as there are slots" : `at most ${pool.jobs_max} at a time`],
    ["slots", pool.slots_per_agent === null ? null : `${pool.slots_per_agent} for an agent that does not say how many`],
    ["strangers", pool.untrusted_allowed ? "their work may run here" : "their work does not run here"],
    ...(pool.job_policy === undefined ? [] : describeJobs(pool.job_policy)),
    [
      "silence",
      `suspect after ${formatDuration(pool.suspect_after_ms)}, lost after ${formatDuration(pool.lost_after_ms)}`,
    ],
    ["scaling", pool.scaling === null ? "none: agents are joined by hand" : describePolicy(pool.scaling)],
    ["provider", describeProvider(pool.provider)],
    ["paused", pool.paused_at === null ? null : describePause(pool, age(pool.paused_at))],
    ["changed", age(pool.updated_at)],
  ];
  const about = pool.description === "" ? "" : ` · ${pool.description}`;
  return [`${style("bold", pool.name)}${about}`, "", ...formatFacts(facts, { nameColumns: 9, style, columns })];
}

function describePolicy(scaling: NonNullable<Pool["scaling"]>): string {
  const windows = scaling.windows.length;
  return [
    `${describeScaling(scaling)} agents`,
    `idle ones end after ${formatDuration(scaling.idle_ms)}`,
    `${scaling.target_percent} % of jobs start within ${formatDuration(scaling.target_wait_ms)}`,
    ...(scaling.is_ephemeral ? ["one job each"] : []),
    ...(windows === 0 ? [] : [`${windows} schedule ${windows === 1 ? "window" : "windows"}`]),
  ].join(", ");
}

function describeProvider(provider: Pool["provider"]): string | null {
  switch (provider?.kind) {
    case undefined:
      return null;
    case "process":
      return `processes on ${provider.host}`;
    case "docker":
      return `containers of ${provider.image} at ${provider.socket}`;
    case "command":
      return `commands: ${provider.create.join(" ")}`;
  }
}

function describePause(pool: Pool, age: string): string {
  const by = pool.paused_by === null ? "" : ` by ${pool.paused_by}`;
  return `${age}${by}${pool.paused_reason === null ? "" : `: ${pool.paused_reason}`}`;
}

import type { Pool } from "@windrow/contract";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { type OpenedFarm, openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";

export interface PausePoolsOptions extends FarmOptions {
  readonly pool: string;
  readonly reason?: string;
}

type Changed = { readonly answer: Pool; readonly json: unknown };

/** `windrow queue pause` */
export async function pausePools(context: CommandContext, options: PausePoolsOptions): Promise<undefined> {
  const body = options.reason === undefined ? {} : { reason: options.reason };
  return changePools(context, options, {
    isWanted: () => true,
    change: (farm, pool) => farm.api.call("pausePool", { params: { pool }, body }),
    tell: ({ name, slots_used: used }) =>
      `${name} grants nothing more${used === 0 ? "" : `; ${used === 1 ? "1 job runs" : `${used} jobs run`} to the end`}. Let it grant again with: windrow queue resume --pool ${name}`,
  });
}

/** `windrow queue resume` */
export async function resumePools(context: CommandContext, options: PausePoolsOptions): Promise<undefined> {
  return changePools(context, options, {
    isWanted: (pool) => pool.paused_at !== null,
    change: (farm, pool) => farm.api.call("resumePool", { params: { pool } }),
    tell: ({ name }) => `${name} grants again.`,
  });
}

async function changePools(
  context: CommandContext,
  options: PausePoolsOptions,
  work: {
    /** Of `all`. */
    readonly isWanted: (pool: Pool) => boolean;
    readonly change: (farm: OpenedFarm, pool: string) => Promise<Changed>;
    readonly tell: (pool: Pool) => string;
  },
): Promise<undefined> {
  const { terminal } = context;
  const farm = await openFarm(context, options);
  const isAll = options.pool === "all";
  const pools = isAll ? (await farm.api.call("listPools", {})).answer.items.filter(work.isWanted) : [];
  const names = isAll ? pools.map((pool) => pool.name) : [options.pool];
  const changed: Changed[] = [];
  for (const name of names) changed.push(await work.change(farm, name));
  if (options.json) return printJson(terminal, isAll ? changed.map(({ json }) => json) : changed[0]?.json);
  if (changed.length === 0) say(terminal, "No pool is paused.");
  for (const { answer } of changed) say(terminal, work.tell(answer));
}

import type { Upgrade } from "@windrow/contract";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { type OpenedFarm, openFarm } from "../commands/open-farm.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printJson, say } from "../output/print.ts";
import { describeLeft, describeStep, describeUpgrade } from "./describe-upgrade.ts";

export interface UpgradePoolOptions extends FarmOptions {
  readonly atOnce?: string;
  readonly abort?: boolean;
  readonly detach?: boolean;
}

const ASK_EVERY_MS = 1_000;

/** `windrow pool upgrade`: begins it, then tells what happens until it is over. Ctrl-C ends the telling alone. */
export async function upgradePool(
  context: CommandContext,
  options: UpgradePoolOptions,
  pool: string,
): Promise<ExitCode> {
  const { terminal } = context;
  const atOnce = options.atOnce === undefined ? 1 : Number(options.atOnce);
  if (!Number.isInteger(atOnce) || atOnce < 1) throw usageError("--at-once takes a number from 1");
  if (options.abort && options.atOnce !== undefined) throw usageError("--abort takes no --at-once");
  const farm = await openFarm(context, options);
  const params = { pool };
  if (options.abort) {
    const { answer, json } = await farm.api.call("abortUpgrade", { params });
    if (options.json) await printJson(terminal, json);
    else say(terminal, `The upgrade of ${pool} is over: ${describeUpgrade(answer)}`);
    return EXIT.ok;
  }
  const started = await farm.api.call("startUpgrade", { params, body: { at_once: atOnce } });
  if (options.detach) {
    if (options.json) await printJson(terminal, started.json);
    else say(terminal, `Pool ${pool}: ${describeUpgrade(started.answer)}`);
    return EXIT.ok;
  }
  return follow({ context, options, farm, pool, first: started });
}

async function follow(of: {
  readonly context: CommandContext;
  readonly options: UpgradePoolOptions;
  readonly farm: OpenedFarm;
  readonly pool: string;
  readonly first: { readonly answer: Upgrade; readonly json: unknown };
}): Promise<ExitCode> {
  const { context, farm, pool } = of;
  const { terminal, clock } = context;
  let { answer: upgrade, json } = of.first;
  say(terminal, `Pool ${pool}: ${describeUpgrade(upgrade)}`);
  for (const line of describeLeft(upgrade)) say(terminal, `  ${line}`);
  const said = new Map<string, string>();
  await context.withInterrupt(async (signal) => {
    for (;;) {
      for (const step of upgrade.agents) {
        if (said.get(step.id) !== step.state) say(terminal, `  ${describeStep(step)}`);
        said.set(step.id, step.state);
      }
      if (upgrade.state !== "running" || signal.aborted) return;
      await clock.sleep(ASK_EVERY_MS, signal);
      ({ answer: upgrade, json } = await farm.api.call("viewUpgrade", { params: { pool } }));
    }
  });
  if (upgrade.state === "running") {
    say(terminal, `It goes on; end it with: windrow pool upgrade ${pool} --abort`);
    return EXIT.interrupted;
  }
  if (of.options.json) await printJson(terminal, json);
  else say(terminal, `Pool ${pool}: ${describeUpgrade(upgrade)}`);
  return upgrade.state === "finished" ? EXIT.ok : EXIT.failed;
}

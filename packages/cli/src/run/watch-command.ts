import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { type OpenedFarm, openFarm } from "../commands/open-farm.ts";
import { EXIT, type ExitCode, exitCodeOfConclusion } from "../exit-codes.ts";
import { watchRun } from "../live/watch-run.ts";
import { say } from "../output/print.ts";
import { findRunId } from "./find-run.ts";

export interface WatchOptions extends FarmOptions {
  readonly logs?: boolean;
}

/** `windrow run watch` */
export async function watchCommand(context: CommandContext, options: WatchOptions, text: string): Promise<ExitCode> {
  const farm = await openFarm(context, options);
  return waitForRun(context, options, farm, await findRunId(farm, text));
}

/** Follows the run until it ends; the exit code follows its conclusion. Ctrl-C leaves the run alone and answers 130. */
export async function waitForRun(
  context: CommandContext,
  options: WatchOptions,
  farm: OpenedFarm,
  runId: number,
): Promise<ExitCode> {
  const { terminal, clock } = context;
  const run = await context.withInterrupt((signal) =>
    watchRun({
      api: farm.api,
      runId,
      terminal,
      clock,
      signal,
      ...(options.json === undefined ? {} : { json: options.json }),
      ...(options.logs === undefined ? {} : { logs: options.logs }),
    }),
  );
  if (run?.conclusion != null) return exitCodeOfConclusion(run.conclusion);
  say(
    terminal,
    `The run goes on. Watch it again with \`windrow run watch ${runId}\`, end it with \`windrow run cancel ${runId}\`.`,
  );
  return EXIT.interrupted;
}

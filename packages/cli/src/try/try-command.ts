import { randomUUID } from "node:crypto";
import type { RunSummary } from "@windrow/contract";
import type { Clock } from "@windrow/service";
import type { ApiClient } from "../api/client.ts";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { type OpenedFarm, openFarm } from "../commands/open-farm.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { snapshotTree } from "../git/snapshot-tree.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { waitForRun } from "../run/watch-command.ts";
import { pushSnapshot } from "./push-snapshot.ts";
import { readTriedEvent, startTriedEvent } from "./try-event.ts";

export interface TryOptions extends FarmOptions {
  readonly detach?: boolean;
  readonly logs?: boolean;
  readonly event?: string;
  readonly payload?: string;
}

const RUNS_WITHIN_MS = 15_000;
/** A farm that said something about the push has made its runs already, if there are any. */
const RUNS_AFTER_WORDS_MS = 1000;
const ASK_EVERY_MS = 200;

/** `windrow try` */
export async function tryCommand(context: CommandContext, options: TryOptions, workflow?: string): Promise<ExitCode> {
  const { terminal, clock } = context;
  const asked = await readTriedEvent(context, options);
  const farm = await openFarm(context, options);
  const repository = await farm.needRepository();
  const id = randomUUID();
  const snapshot = await snapshotTree({ cwd: context.cwd, id });
  const about = snapshot.branch ?? snapshot.parentSha?.slice(0, 8) ?? "an unborn branch";
  const sending = `Sending the working tree on top of ${about} to ${repository} as ${snapshot.sha.slice(0, 8)} …`;
  if (!options.json) say(terminal, terminal.errStyle("dim", sending));
  const remoteLines = await pushSnapshot({
    snapshot,
    farmUrl: farm.api.url,
    ca: farm.connection.ca,
    repository,
    id,
    token: farm.api.token,
    ...(workflow === undefined ? {} : { workflow }),
    isSilent: asked !== undefined,
  });
  if (asked !== undefined) {
    const started = await startTriedEvent(context, farm, { ...asked, repository, id, snapshot, workflow });
    return followRuns(context, { options, farm, runs: started });
  }
  const withinMs = remoteLines.length > 0 ? RUNS_AFTER_WORDS_MS : RUNS_WITHIN_MS;
  const runs = await findRuns({ api: farm.api, repository, sha: snapshot.sha, clock, withinMs });
  if (runs.length === 0) {
    const words = remoteLines.map((line) => line.replace(/^windrow: /, "")).join("\n  ");
    throw new CliError(words === "" ? "no workflow was started" : words, {
      code: "no_run",
      exitCode: workflow === undefined ? EXIT.failed : EXIT.notFound,
      hint: "A workflow stands in .windrow/workflows/ or .github/workflows/, and has `on: push` or is named: windrow try ci.yml",
    });
  }
  return followRuns(context, { options, farm, runs });
}

async function followRuns(
  context: CommandContext,
  { options, farm, runs }: { options: TryOptions; farm: OpenedFarm; runs: readonly RunSummary[] },
): Promise<ExitCode> {
  const { terminal } = context;
  if (options.detach) {
    if (options.json) await printJson(terminal, { runs });
    else
      await printLines(
        terminal,
        runs.map((run) => `#${run.id}  ${run.workflow_name}  ${run.url}`),
      );
    return EXIT.ok;
  }
  let code: ExitCode = EXIT.ok;
  for (const run of runs) {
    const ended = await waitForRun(context, options, farm, run.id);
    if (ended === EXIT.interrupted) return ended;
    if (code === EXIT.ok || ended === EXIT.failed) code = ended;
  }
  return code;
}

/** The push is answered after its runs are made, but a farm that was just taking over may make them a moment later. */
async function findRuns(input: {
  readonly api: ApiClient;
  readonly repository: string;
  readonly sha: string;
  readonly clock: Clock;
  readonly withinMs: number;
}): Promise<RunSummary[]> {
  const { api, repository, sha, clock, withinMs } = input;
  const startedAtMs = clock.monotonicMs();
  for (;;) {
    const { answer } = await api.call("listRuns", { query: { repository, sha } });
    if (answer.items.length > 0) return answer.items.toReversed();
    if (clock.monotonicMs() - startedAtMs > withinMs) return [];
    await clock.sleep(ASK_EVERY_MS);
  }
}

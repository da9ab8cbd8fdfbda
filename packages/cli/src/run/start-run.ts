import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { currentBranch } from "../git/current-branch.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { waitForRun } from "./watch-command.ts";

export interface StartRunOptions extends FarmOptions {
  readonly ref?: string;
  readonly input?: readonly string[];
  readonly wait?: boolean;
}

/** `windrow run start` */
export async function startRun(
  context: CommandContext,
  options: StartRunOptions,
  workflow?: string,
): Promise<ExitCode> {
  const inputs = parseInputs(options.input ?? []);
  const farm = await openFarm(context, options);
  const repository = await farm.needRepository();
  // the branch here means something only when the repository was found from here
  const ref = options.ref ?? (farm.connection.repository === undefined ? await currentBranch(context.cwd) : undefined);
  const { answer, json } = await farm.api.call("startRun", {
    body: {
      repository,
      inputs,
      ...(ref === undefined ? {} : { ref }),
      ...(workflow === undefined ? {} : { workflow }),
    },
  });
  if (!options.json) for (const note of answer.notes) say(context.terminal, `not started: ${note}`);
  if (options.wait !== true) {
    if (options.json) await printJson(context.terminal, json);
    else
      await printLines(
        context.terminal,
        answer.runs.map((run) => `#${run.id}  ${run.workflow_name}  ${run.url}`),
      );
    return EXIT.ok;
  }
  let code: ExitCode = EXIT.ok;
  for (const run of answer.runs) {
    const ended = await waitForRun(context, options, farm, run.id);
    if (ended === EXIT.interrupted) return ended;
    if (code === EXIT.ok || ended === EXIT.failed) code = ended;
  }
  return code;
}

/** `name=value` texts → inputs. Errors: CliError `usage`. */
export function parseInputs(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf("=");
      if (equals < 1)
        throw usageError(`--input ${JSON.stringify(text)} is not name=value`, "For example: --input target=staging");
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

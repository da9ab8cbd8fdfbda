import { VARIABLE_VALUE_BYTES_MAX } from "@windrow/contract";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { openFarm } from "../commands/open-farm.ts";
import { printJson, say } from "../output/print.ts";
import { describeLevel, type LevelOptions, variableLevel } from "./variable-level.ts";

export type SetVariableOptions = Omit<FarmOptions, "repo"> & LevelOptions;

/** `windrow variable set`: the value as given, or all of stdin for `-`. */
export async function setVariable(
  context: CommandContext,
  options: SetVariableOptions,
  name = "",
  given = "",
): Promise<undefined> {
  const level = variableLevel(options);
  const value = given === "-" ? await readStdin(process.stdin) : given;
  const farm = await openFarm(context, options);
  const { answer, json } = await farm.api.call("setVariable", { body: { ...level, name, value } });
  if (options.json) return printJson(context.terminal, json);
  say(context.terminal, `${answer.name} of ${describeLevel(answer)} is set`);
}

/** Everything up to the end, without one line end there. Errors: CliError `usage` when it is too long. */
export async function readStdin(stdin: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > VARIABLE_VALUE_BYTES_MAX + 1) {
      throw usageError(`what comes on stdin is longer than ${VARIABLE_VALUE_BYTES_MAX} bytes`);
    }
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

import { readFile } from "node:fs/promises";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";

export interface JoinTokenOptions {
  /** `-` reads it from stdin. */
  readonly token?: string;
  readonly tokenFile?: string;
}

const TOKEN_BYTES_MAX = 4_096;
const HINT = "An operator makes one with: windrow token create --join";

/**
 * The join token: of `--token`, `--token-file`, stdin (`--token -`) or WINDROW_JOIN_TOKEN; only the first shows in the
 * process list. Errors: CliError `usage` when there is none, or two, or it is no join token.
 */
export async function readJoinToken(
  context: Pick<CommandContext, "environment">,
  options: JoinTokenOptions,
  stdin: AsyncIterable<Uint8Array | string> = process.stdin,
): Promise<string> {
  const { token, tokenFile } = options;
  if (token !== undefined && tokenFile !== undefined) throw usageError("--token and --token-file exclude each other");
  const text =
    tokenFile === undefined
      ? token === "-"
        ? await readStream(stdin)
        : (token ?? context.environment.WINDROW_JOIN_TOKEN)
      : await readTokenFile(tokenFile);
  const found = text?.trim() ?? "";
  if (found === "") throw usageError("no join token is given: --token-file, --token or WINDROW_JOIN_TOKEN", HINT);
  if (!found.startsWith("wrj_")) throw usageError("that is not a join token (wrj_…)", HINT);
  return found;
}

async function readStream(stdin: AsyncIterable<Uint8Array | string>): Promise<string> {
  let text = "";
  for await (const chunk of stdin) {
    text += Buffer.from(chunk).toString("utf8");
    if (text.length > TOKEN_BYTES_MAX) throw usageError("what comes on stdin is too long for a join token", HINT);
  }
  return text;
}

async function readTokenFile(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).slice(0, TOKEN_BYTES_MAX);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw usageError(`the token file ${file} cannot be read (${why})`, HINT);
  }
}

import { execFile } from "node:child_process";

export class SourceError extends Error {
  override readonly name = "SourceError";
}

const OUTPUT_BYTES_MAX = 16 << 20;

/**
 * Runs the client of a registry, with the environment of whoever started this, and returns what it printed. Throws
 * `SourceError` with the end of its complaint.
 */
export function runClient(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Record<string, string>; readonly withinMs?: number } = {},
): Promise<string> {
  const { cwd, env, withinMs = 180_000 } = options;
  return new Promise((resolve, reject) => {
    execFile(
      program,
      [...args],
      {
        ...(cwd === undefined ? {} : { cwd }),
        env: { ...process.env, ...env },
        timeout: withinMs,
        maxBuffer: OUTPUT_BYTES_MAX,
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const said = stderr.trim().split("\n").slice(-3).join(" ");
        reject(new SourceError(`${program} ${args[0] ?? ""}: ${said || error.message}`, { cause: error }));
      },
    );
  });
}

import { execFile } from "node:child_process";
import { CliError } from "../cli-error.ts";

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

export interface GitOptions {
  readonly cwd: string;
  /** Added to the process's own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Thrown when git ends with another exit code than 0; `stderr` is what it said. */
export class GitError extends CliError {
  readonly stderr: string;
  readonly gitExitCode: number;

  constructor(args: readonly string[], gitExitCode: number, stderr: string) {
    super(`git ${args.find((arg) => !arg.startsWith("-")) ?? ""} failed: ${lastLine(stderr)}`, { code: "git_failed" });
    this.name = "GitError";
    this.stderr = stderr;
    this.gitExitCode = gitExitCode;
  }
}

/** Runs git without ever asking a question on the terminal; answers its output. Errors: GitError, or CliError when git is missing. */
export function runGit(args: readonly string[], options: GitOptions): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile(
      "git",
      args,
      {
        cwd: options.cwd,
        env: { ...process.env, GIT_TERMINAL_PROMPT: "0", LC_ALL: "C", ...options.environment },
        maxBuffer: OUTPUT_BYTES_MAX,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve({ stdout, stderr });
        if (error.code === "ENOENT") {
          return reject(
            new CliError("git was not found", {
              code: "git_missing",
              hint: "Install git, for example with: apt-get install git",
              cause: error,
            }),
          );
        }
        if (typeof error.code === "number") return reject(new GitError(args, error.code, stderr));
        reject(error);
      },
    );
  });
}

function lastLine(text: string): string {
  return (
    text
      .split("\n")
      .filter((line) => line.trim() !== "")
      .at(-1) ?? "it said nothing"
  ).trim();
}

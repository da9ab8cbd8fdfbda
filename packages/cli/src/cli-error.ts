import { EXIT, type ExitCode } from "./exit-codes.ts";

export interface CliErrorOptions {
  /** Stable word for scripts, for example `usage`, `not_found`, `unreachable`. */
  readonly code: string;
  readonly exitCode?: ExitCode;
  /** What to do next. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Thrown for everything a person can be told in one sentence: what happened, and in `hint` what to do next. */
export class CliError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(message: string, options: CliErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CliError";
    this.code = options.code;
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.hint = options.hint;
  }
}

/** The command line or the configuration is wrong (exit code 3). */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, { code: "usage", exitCode: EXIT.usage, ...(hint === undefined ? {} : { hint }) });
}

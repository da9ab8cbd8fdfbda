import { CliError } from "../cli-error.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { say } from "./print.ts";
import type { Terminal } from "./terminal.ts";

/**
 * One JSON object on stderr, for programs: `{"error":{"code","message","hint"}}`; answers the exit code. What is no
 * CliError is a fault of the command line itself, code `internal`.
 */
export function printJsonError(terminal: Terminal, error: unknown): ExitCode {
  const isTold = error instanceof CliError;
  const message = error instanceof Error ? error.message : String(error);
  const hint = isTold ? error.hint : "Run it again with WINDROW_DEBUG=1 and without --json to see where";
  const code = isTold ? error.code : "internal";
  say(terminal, JSON.stringify({ error: { code, message, ...(hint === undefined ? {} : { hint }) } }));
  return isTold ? error.exitCode : EXIT.failed;
}

/** Says on stderr what went wrong and what to do next; answers the exit code. With `WINDROW_DEBUG` the stack, too. */
export function printError(terminal: Terminal, error: unknown, isDebug: boolean): ExitCode {
  const style = terminal.errStyle;
  const message = error instanceof Error ? error.message : String(error);
  say(terminal, `${style("red", "error:")} ${message}`);
  if (error instanceof CliError && error.hint !== undefined) say(terminal, `${style("cyan", "hint:")} ${error.hint}`);
  if (isDebug && error instanceof Error) say(terminal, style("dim", error.stack ?? ""));
  if (!(error instanceof CliError)) {
    say(terminal, "This is a fault of the command line itself; run it again with WINDROW_DEBUG=1 to see where.");
  }
  return error instanceof CliError ? error.exitCode : EXIT.failed;
}

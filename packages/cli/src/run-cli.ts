import type { Clock } from "@windrow/service";
import { CommanderError } from "commander";
import { type CliError, usageError } from "./cli-error.ts";
import type { CommandContext } from "./commands/command-context.ts";
import { EXIT } from "./exit-codes.ts";
import { printError, printJsonError } from "./output/print-error.ts";
import { createTerminal, type OutputStream } from "./output/terminal.ts";
import { createProgram } from "./program.ts";

export interface RunCliOptions {
  /** Without the names of the runtime and of the program. */
  readonly args: readonly string[];
  readonly out: OutputStream;
  readonly err: OutputStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  readonly withInterrupt: CommandContext["withInterrupt"];
}

/** Runs one command line to its end; answers the exit code. Never throws. */
export async function runCli(options: RunCliOptions): Promise<number> {
  const { args, out, err, cwd, clock, withInterrupt } = options;
  const environment = args.includes("--no-color") ? { ...options.environment, NO_COLOR: "1" } : options.environment;
  const terminal = createTerminal({ out, err, environment });
  let exitCode: number = EXIT.ok;
  const asksHelp = args.includes("--help") || args.includes("-h");
  const isCompletion = args[0] === "complete" || (args[0] === "completion" && !asksHelp);
  const onExitCode = (code: number) => {
    exitCode = code;
  };
  const context = { terminal, clock, cwd, environment, withInterrupt, onExitCode };
  const flags = args.slice(0, args.includes("--") ? args.indexOf("--") : args.length);
  const isJson = flags.includes("--json");
  const program = createProgram(context, { hasCompletionPlaceholder: !isCompletion, isJson });
  try {
    if (isCompletion) {
      const { answerCompletion } = await import("./completion.ts");
      await answerCompletion(program, args, { environment, out });
    } else await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      // else commander has said already what was wrong
      return isJson ? printJsonError(terminal, describeUsage(error)) : EXIT.usage;
    }
    if (isJson) return printJsonError(terminal, error);
    return printError(terminal, error, (environment.WINDROW_DEBUG ?? "") !== "");
  }
}

/** Commander's own words begin with `error:` and may carry a suggestion on a second line. */
function describeUsage(error: CommanderError): CliError {
  if (error.code === "commander.help") return usageError("a verb is missing", "Add --help to see what there is");
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  return usageError(message, suggestion?.replace(/^\((.*)\)$/, "$1") ?? "Add --help to see what there is");
}

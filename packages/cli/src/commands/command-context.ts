import type { Clock } from "@windrow/service";
import type { Command } from "commander";
import type { Terminal } from "../output/terminal.ts";

/** What every command gets from the process. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Runs `work` with a signal that aborts at Ctrl-C (SIGINT) or SIGTERM; without it they end the process as usual. */
  readonly withInterrupt: <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>;
}

/** Arguments as commander gives them, repeated ones one by one: those of the command, then nothing else. */
export type CommandWork<O> = (context: CommandContext, options: O, ...args: string[]) => Promise<number | undefined>;

/**
 * Binds a command to the module that does its work, which is loaded only when the command is used: `--version` and
 * `--help` stay quick. What the work answers becomes the exit code (nothing: 0).
 */
export function bindWork<O extends object>(
  command: Command,
  context: CommandContext & { readonly onExitCode: (code: number) => void },
  load: () => Promise<CommandWork<O>>,
): Command {
  return command.action(async (...given: unknown[]) => {
    const args = given
      .slice(0, -2)
      // an argument that may be repeated comes as a list
      .flat()
      .filter((arg): arg is string | undefined => arg === undefined || typeof arg === "string");
    const work = await load();
    const code = await work(context, command.optsWithGlobals<O>(), ...(args as string[]));
    if (code !== undefined) context.onExitCode(code);
  });
}

/** Context of the command tree: work reports its exit code through it. */
export type TreeContext = Parameters<typeof bindWork>[1];

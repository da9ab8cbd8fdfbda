import { Command } from "commander";
import { addAgentCommands } from "./commands/agent-commands.ts";
import { addAuditCommands } from "./commands/audit-commands.ts";
import type { TreeContext } from "./commands/command-context.ts";
import { addLanguageCommands } from "./commands/language-commands.ts";
import { addPoolCommands } from "./commands/pool-commands.ts";
import { addProcessCommands } from "./commands/process-commands.ts";
import { addQueueCommands } from "./commands/queue-commands.ts";
import { addRepoCommands } from "./commands/repo-commands.ts";
import { addReservedCommands } from "./commands/reserved-commands.ts";
import { addRunCommands } from "./commands/run-commands.ts";
import { addTokenCommands } from "./commands/token-commands.ts";
import { addTryCommand } from "./commands/try-command.ts";
import { addVariableCommands } from "./commands/variable-commands.ts";
import { registerUp } from "./up/up-command.ts";
import { VERSION } from "./version.ts";

const HELP = `
Start here:
  windrow up                     a whole farm on this machine
  windrow try                    build my working tree as it is
  windrow run watch              follow the newest run
  windrow doctor                 is everything well?

The farm is found by --url, WINDROW_URL, \`url:\` in ~/.config/windrow/config.yaml, or the farm \`windrow up\` keeps here.
Completion: windrow completion bash|zsh|fish
Exit codes: 0 ok, 1 a run failed or an error, 2 cancelled, 3 usage or configuration, 4 not allowed, 5 not found,
            6 timed out, 130 interrupted
`;

export interface ProgramOptions {
  readonly hasCompletionPlaceholder: boolean;
  /** Commander says nothing of what was wrong: whoever runs the program prints it as JSON. */
  readonly isJson?: boolean;
}

/** The whole command tree. It loads no command's work, so that help and version are quick. */
export function createProgram(context: TreeContext, options: ProgramOptions): Command {
  const { terminal } = context;
  const program = new Command("windrow")
    .description("Windrow, a build farm: push code, it is built on your own machines.")
    .version(VERSION, "-V, --version")
    .option("--no-color", "no colours (as NO_COLOR does)")
    .showSuggestionAfterError()
    .showHelpAfterError("hint: add --help to see what there is")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: (text) => options.isJson === true || terminal.err.write(text),
      outputError: (text, write) => write(text.replace(/^error:/, `${terminal.errStyle("red", "error:")}`)),
    })
    .addHelpText("after", HELP);
  registerUp(program);
  addTryCommand(program, context);
  addRunCommands(program, context);
  addLanguageCommands(program, context);
  addAgentCommands(program, context);
  addPoolCommands(program, context);
  addQueueCommands(program, context);
  addRepoCommands(program, context);
  addTokenCommands(program, context);
  addVariableCommands(program, context);
  addAuditCommands(program, context);
  addProcessCommands(program, context);
  if (options.hasCompletionPlaceholder) addCompletionPlaceholder(program);
  addReservedCommands(program);
  return program;
}

/** Shows up in help; the real command is made from the finished tree when it is used. */
function addCompletionPlaceholder(program: Command): void {
  program
    .command("completion")
    .description("print the completion script of a shell")
    .argument("<shell>", "bash, zsh or fish")
    .addHelpText(
      "after",
      "\nExamples:\n  source <(windrow completion bash)\n  windrow completion fish > ~/.config/fish/completions/windrow.fish\n",
    );
}

import { Command, CommanderError } from "commander";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-codes.ts";
import { registerUp } from "./up/up-command.ts";

const program = new Command("windrow").description("Windrow, a build farm.").exitOverride();
registerUp(program);

try {
  await program.parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else if (error instanceof CliError) {
    process.stderr.write(`windrow: ${error.message}\n${error.hint === undefined ? "" : `  ${error.hint}\n`}`);
    process.exitCode = error.exitCode;
  } else {
    throw error;
  }
}

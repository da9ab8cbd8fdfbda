import type { Command } from "commander";
import { usageError } from "../cli-error.ts";

/** Nouns and verbs that scripts may count on later: nobody may use them for something else before. */
export const RESERVED: Readonly<Record<string, string>> = {
  artifact: "files that jobs keep",
  backup: "back the farm up",
  cache: "what jobs keep for the next time",
  deploy: "deployments and environments",
  login: "store who you are",
  restore: "restore a backup",
  secret: "secrets of jobs",
  team: "teams",
  test: "test reports",
  trace: "where the time went",
  user: "users",
};

/** Verbs of nouns that exist already. */
export const RESERVED_VERBS: Readonly<Record<string, readonly string[]>> = { run: ["approve"] };

/** Registers every reserved word; using one answers `not built yet` with exit code 3. */
export function addReservedCommands(program: Command): void {
  const reserve = (parent: Command, name: string, words: string) => {
    parent
      .command(name, { hidden: true })
      .description(`${RESERVED[name] ?? name} (not built yet)`)
      .argument("[arguments...]")
      .allowUnknownOption()
      .helpOption(false)
      .action(() => {
        throw usageError(`\`windrow ${words}\` is not built yet`, "See what there is with: windrow --help");
      });
  };
  for (const name of Object.keys(RESERVED)) reserve(program, name, name);
  for (const [noun, verbs] of Object.entries(RESERVED_VERBS)) {
    const parent = program.commands.find((command) => command.name() === noun);
    if (parent !== undefined) for (const verb of verbs) reserve(parent, verb, `${noun} ${verb}`);
  }
}

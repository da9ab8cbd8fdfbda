import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { CONVENTIONAL_PATH, conventionalWorkflow, LANGUAGES, type Language } from "@windrow/workflow";
import { CliError, usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { findTop } from "../git/find-top.ts";
import { findDefaultFiles } from "../lint/find-lint-files.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { suggest } from "../output/suggest.ts";
import { writeAll } from "../output/terminal.ts";
import { readRoot, readSettingsLanguage } from "./read-root.ts";

export interface InitOptions {
  readonly language?: string;
  readonly print?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `windrow init`: needs no farm. */
export async function initCommand(context: CommandContext, options: InitOptions): Promise<undefined> {
  const { terminal } = context;
  const named = options.language === undefined ? undefined : checkLanguage(options.language);
  // workflow files count in the root of the repository only
  const root = (await findTop(context.cwd)) ?? context.cwd;
  const language = named ?? (await readSettingsLanguage(root));
  const made = conventionalWorkflow({ ...(await readRoot(root)), ...(language !== undefined && { language }) });
  if (made === undefined) {
    throw new CliError(`no file in ${root} shows what this project is written in`, {
      code: "no_language",
      hint: `Name it: windrow init --language ${LANGUAGES.join("|")}`,
    });
  }
  if (!options.print) await write(root, made.text, options.force === true);
  if (options.json) {
    await printJson(terminal, { path: CONVENTIONAL_PATH, ...made, written: options.print !== true });
    return;
  }
  if (options.print) {
    await writeAll(terminal.out, made.text);
    return;
  }
  await printLines(terminal, [CONVENTIONAL_PATH]);
  say(terminal, `Wrote what a ${made.language} project usually needs. Look at it, then try it without committing:`);
  say(terminal, "  windrow try");
}

function checkLanguage(text: string): Language {
  const known = LANGUAGES.find((language) => language === text);
  if (known !== undefined) return known;
  const near = suggest(text, LANGUAGES);
  throw usageError(
    `there is no language ${JSON.stringify(text)}`,
    near === undefined ? `One of: ${LANGUAGES.join(", ")}` : `Did you mean ${JSON.stringify(near)}?`,
  );
}

async function write(root: string, text: string, isForced: boolean): Promise<void> {
  const [existing] = (await findDefaultFiles(root)).filter((file) => file.includes("/workflows/"));
  if (existing !== undefined && !isForced) {
    const isOther = !existing.startsWith(".windrow/");
    throw new CliError(
      isOther
        ? `there is ${existing} already, which runs as it is; a file in .windrow/workflows takes the place of that folder`
        : `there is ${existing} already`,
      { code: "exists", hint: "Look at what would be written with --print; write it all the same with --force" },
    );
  }
  const file = path.join(root, CONVENTIONAL_PATH);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text, isForced ? {} : { flag: "wx" });
}

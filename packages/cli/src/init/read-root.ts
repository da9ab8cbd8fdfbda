import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { CONVENTIONAL_FILES_READ, type Language, parseSettings } from "@windrow/workflow";
import { isMissing } from "../lint/is-missing.ts";

/** A project file that is larger says nothing that is looked for. */
const TEXT_BYTES_MAX = 1024 * 1024;

/** What stands in the root of a project: names, and the text of the few files that the conventional workflow looks at. */
export async function readRoot(root: string): Promise<{ names: string[]; texts: Record<string, string> }> {
  const names = await readdir(root);
  const texts: Record<string, string> = {};
  for (const name of CONVENTIONAL_FILES_READ) {
    if (!names.includes(name)) continue;
    const file = path.join(root, name);
    const { size } = await stat(file);
    if (size <= TEXT_BYTES_MAX) texts[name] = await readFile(file, "utf8");
  }
  return { names, texts };
}

/** What the project's settings say it is written in, where they say it and have no mistakes. */
export async function readSettingsLanguage(root: string): Promise<Language | undefined> {
  const file = ".windrow/settings.yml";
  try {
    const text = await readFile(path.join(root, file), "utf8");
    return parseSettings({ path: file, text }).settings?.language;
  } catch (error) {
    if (!isMissing(error)) throw error;
    return undefined;
  }
}

import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { isMissing } from "./is-missing.ts";

/** Where workflow files are looked for; the first folder that has one wins. */
export const WORKFLOW_FOLDERS = [".windrow/workflows", ".github/workflows"] as const;
const SETTINGS_FILE = ".windrow/settings.yml";
const YAML = /\.ya?ml$/;

/** The files of a repository that are checked when none is named: its workflows and its settings, relative to `root`. */
export async function findDefaultFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  for (const folder of WORKFLOW_FOLDERS) {
    const names = (await listFolder(path.join(root, folder))).filter((entry) => !entry.isDirectory());
    files.push(...names.filter((entry) => YAML.test(entry.name)).map((entry) => `${folder}/${entry.name}`));
    if (files.length > 0) break;
  }
  if ((await listFolder(path.join(root, ".windrow"))).some((entry) => entry.name === path.basename(SETTINGS_FILE))) {
    files.push(SETTINGS_FILE);
  }
  return files;
}

/** Files as given; a folder stands for every YAML file in it and below. What does not exist stays, to be complained about. */
export async function expandFolders(given: readonly string[], cwd: string): Promise<string[]> {
  const files: string[] = [];
  for (const name of given) {
    if (await isFolder(path.resolve(cwd, name))) files.push(...(await listYaml(name, cwd)));
    else files.push(name);
  }
  return [...new Set(files)];
}

async function isFolder(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isDirectory();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function listYaml(folder: string, cwd: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await listFolder(path.resolve(cwd, folder))) {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== ".git" && entry.name !== "node_modules") {
      files.push(...(await listYaml(name, cwd)));
    } else if (entry.isFile() && YAML.test(entry.name)) files.push(name);
  }
  return files;
}

async function listFolder(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

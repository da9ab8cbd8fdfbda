import { stat } from "node:fs/promises";
import path from "node:path";
import { findTop } from "../git/find-top.ts";
import { WORKFLOW_FOLDERS } from "../lint/find-lint-files.ts";
import { isMissing } from "../lint/is-missing.ts";

/** A file as it was given, or a bare name as that of a workflow of this repository. Answers a path from `cwd`. */
export async function findWorkflow(cwd: string, given: string): Promise<string> {
  if (given !== path.basename(given) || (await isThere(path.resolve(cwd, given)))) return given;
  const top = (await findTop(cwd)) ?? cwd;
  for (const folder of WORKFLOW_FOLDERS) {
    const file = path.join(top, folder, given);
    if (await isThere(file)) return path.relative(cwd, file);
  }
  return given;
}

async function isThere(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

import { closeSync, fstatSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import { type OpenedInside, openInside } from "../open-inside.ts";

export const ACTION_FILE_BYTES_MAX = 512 * 1024;
const NAMES = ["action.yml", "action.yaml"];

export type ActionFile =
  | { readonly kind: "found"; readonly name: string; readonly text: string }
  | { readonly kind: "absent" }
  | { readonly kind: "problem"; readonly why: string };

/** The action file in a folder of a tree. A link that leads out of the tree is a problem: the agent may read more than the job. */
export function readActionFile(treeDir: string, path: string): ActionFile {
  for (const name of NAMES) {
    let opened: OpenedInside;
    try {
      opened = openInside(join(treeDir, path, name), [realpathSync(treeDir)], { followsLast: true });
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) continue;
      throw error;
    }
    if (opened.kind !== "open") return { kind: "problem", why: `'${name}' is no file of the action's own` };
    const { file } = opened;
    try {
      if (fstatSync(file).size > ACTION_FILE_BYTES_MAX) {
        return { kind: "problem", why: `'${name}' has more than ${ACTION_FILE_BYTES_MAX} bytes` };
      }
      return { kind: "found", name, text: readFileSync(file, "utf8") };
    } finally {
      closeSync(file);
    }
  }
  return { kind: "absent" };
}

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where an engine and the programs it starts are. */
export const PROGRAM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function findProgram(name: string): string | undefined {
  return PROGRAM_PATH.split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        // not there, or not to be run
        return false;
      }
    });
}

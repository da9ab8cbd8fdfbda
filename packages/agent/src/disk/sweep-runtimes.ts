import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

const RUNTIME = /^node-(v\d+\.\d+\.\d+)(\.\d+)?$/;

/** Removes the Nodes that agents of other versions put there for jobs, and what one of them did not finish. */
export async function sweepRuntimes(runtimesDir: string, version: string = process.version): Promise<void> {
  for (const name of await readdir(runtimesDir)) {
    const [, its, draft] = RUNTIME.exec(name) ?? [];
    if (its === undefined || (its === version && draft === undefined) || draft === `.${process.pid}`) continue;
    await rm(join(runtimesDir, name), { force: true });
  }
}

import { readdir, readFile } from "node:fs/promises";

/** Numbers of the machine's living processes whose command line holds `text`, zombies aside. */
export async function findProcesses(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    // A process may end between the two looks; then it is not there.
    const commandLine = await readFile(`/proc/${entry}/cmdline`, "latin1").catch(() => "");
    if (commandLine.includes(text)) found.push(Number(entry));
  }
  return found;
}

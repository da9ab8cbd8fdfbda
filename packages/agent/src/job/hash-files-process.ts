import { createHash } from "node:crypto";
import { createReadStream, readFileSync, statSync, writeSync } from "node:fs";
import { sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { create } from "@actions/glob";
import { ANSWER_FD, type HashFilesTask } from "./hash-files.ts";

// A process of its own, see hash-files.ts. Everything it needs of the agent is loaded by now; from here on it is the
// job's user, and what it opens is what the job could open.

function isTask(value: unknown): value is HashFilesTask {
  return typeof value === "object" && value !== null && "workspaceDir" in value && "patterns" in value;
}

/** The groups first: afterwards this process may not change them. */
function becomeUser({ uid, gid }: HashFilesTask): void {
  if (uid === undefined || gid === undefined || process.getuid?.() !== 0) return;
  process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

async function hashMatches({ workspaceDir, patterns }: HashFilesTask): Promise<string> {
  process.chdir(workspaceDir);
  // patterns may name the workspace by the path that the job knows
  const here = process.cwd();
  const lines = patterns.join("\n").replaceAll(`${workspaceDir}${sep}`, `${here}${sep}`);
  const globber = await create(lines, { followSymbolicLinks: false });
  const result = createHash("sha256");
  let hasMatch = false;
  for await (const file of globber.globGenerator()) {
    // Opening a pipe would wait for somebody who writes to it.
    if (!file.startsWith(`${here}${sep}`) || !statSync(file).isFile()) continue;
    const hash = createHash("sha256");
    await pipeline(createReadStream(file), hash);
    result.write(hash.digest());
    hasMatch = true;
  }
  return hasMatch ? result.digest("hex") : "";
}

async function main(): Promise<void> {
  const task: unknown = JSON.parse(readFileSync(0, "utf8"));
  if (!isTask(task)) throw new Error("there is nothing to do");
  becomeUser(task);
  writeSync(ANSWER_FD, await hashMatches(task));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

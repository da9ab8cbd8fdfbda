import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { AgentProcess } from "./farm.ts";
import { ifThere } from "./if-there.ts";

/** Where an agent that is root keeps its work folders when the users of its slots cannot walk to its own folder. */
const OUTSIDE_ROOT = "/var/lib/windrow";

export const outsideFolder = (agent: Pick<AgentProcess, "dir">): string =>
  join(OUTSIDE_ROOT, `agent-${createHash("sha256").update(agent.dir).digest("hex").slice(0, 12)}`);

/** Work folders, spools and supervisors' folders of attempts that are still on an agent's disk. */
export function leftFolders(agents: readonly AgentProcess[]): string[] {
  return agents
    .flatMap((agent) => [
      join(agent.dir, "sites"),
      join(agent.dir, "job-files"),
      join(agent.dir, "work"),
      join(agent.dir, "trash"),
      join(outsideFolder(agent), "work"),
      join(outsideFolder(agent), "trash"),
    ])
    .flatMap((folder) =>
      listIfThere(folder)
        // what begins with a dot is the agent's own, not an attempt's
        .filter((name) => !name.startsWith("."))
        .map((name) => join(folder, name)),
    );
}

/** Removes what an agent keeps outside of its own folder. */
export function removeOutsideFolder(agent: AgentProcess): void {
  rmSync(outsideFolder(agent), { recursive: true, force: true });
}

/** Attempts that an agent's journal still holds: those it believes it runs. */
export function attemptsInJournal(agent: AgentProcess): string[] {
  const held = new Set<string>();
  const file = join(agent.dir, "journal.jsonl");
  if (!existsSync(file)) return [];
  for (const line of readFileSync(file, "utf8").split("\n").slice(0, -1)) {
    const record: { readonly kind: string; readonly attemptId: string } = JSON.parse(line);
    if (record.kind === "accepted") held.add(record.attemptId);
    if (record.kind === "released") held.delete(record.attemptId);
  }
  return [...held];
}

/**
 * Processes that belong to one of these attempts: their environment names it, or (an environment can be emptied) they
 * stand in a work folder of one of the agents.
 */
export function leftProcesses(agents: readonly AgentProcess[], attemptIds: readonly string[]): number[] {
  const ids = new Set(attemptIds);
  const works = agents.flatMap((agent) => [join(agent.dir, "work"), join(outsideFolder(agent), "work")]);
  return listIfThere("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      const environ = ifThere(() => readFileSync(`/proc/${entry}/environ`, "latin1"));
      const id = environ?.match(/(?:^|\0)WINDROW_ATTEMPT_ID=([0-9a-f-]{36})/)?.[1];
      if (id !== undefined && ids.has(id)) return true;
      const folder = ifThere(() => readlinkSync(`/proc/${entry}/cwd`));
      return folder !== undefined && works.some((work) => folder.startsWith(`${work}/`));
    })
    .map(Number);
}

/** Mounts below a folder of one of the agents. */
export function leftMounts(agents: readonly AgentProcess[]): string[] {
  const folders = agents.flatMap((agent) => [agent.dir, outsideFolder(agent)]);
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((mount) => folders.some((folder) => mount.startsWith(`${folder}/`)));
}

function listIfThere(path: string): string[] {
  return ifThere(() => readdirSync(path)) ?? [];
}

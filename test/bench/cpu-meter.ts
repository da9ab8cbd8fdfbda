import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import { sql } from "kysely";
import type { Farm } from "../kit/farm.ts";

/** What the parts of a farm used between two looks: a machine shared with others makes wall time tell little. */
export interface CpuMeter {
  /** Starts counting anew. */
  reset(): Promise<void>;
  /** CPU milliseconds by part and transactions since the last reset, each divided by `count`. */
  describe(count: number): Promise<string>;
  remove(): void;
}

export interface FarmPids {
  readonly postgres: number;
}

interface Part {
  readonly name: string;
  /** Milliseconds used so far. */
  readonly read: () => number;
}

const TICK_MS = 10;

/**
 * Counts with control groups, so that supervisors and steps, which outlive their parents, are seen too. Where none can
 * be made (not root), only the controllers and agents themselves are counted.
 */
export function createCpuMeter(farm: Farm, pids: FarmPids): CpuMeter {
  const groups: string[] = [];
  const controllerPids = farm.controllers.map((one) => one.child.pid);
  const agentPids = farm.agents.map((one) => one.child.pid);
  const parts: Part[] = [];
  const own = (name: string, of: readonly number[]) => {
    const read = () => of.map(readOwnMs).reduce((sum, ms) => sum + ms, 0);
    parts.push({ name, read });
    return read;
  };
  const whole = (name: string, of: readonly number[], less: () => number) => {
    const group = createGroup(name, of);
    if (group === undefined) return;
    groups.push(group);
    // what the processes used before they entered the group is not in it
    const before = less();
    parts.push({ name, read: () => readGroupMs(group) - (less() - before) });
  };
  whole("git", controllerPids, own("controller", controllerPids));
  whole("supervisors and steps", agentPids.flatMap(withDescendants), own("agents", agentPids));
  whole("postgres", withDescendants(pids.postgres), () => 0);
  whole("nats", [farm.nats.pid], () => 0);
  own("the bench itself", [process.pid]);
  let before = new Map<string, number>();
  let transactionsBefore = 0;

  return {
    async reset() {
      transactionsBefore = await readTransactions(farm);
      before = new Map(parts.map((part) => [part.name, part.read()]));
    },
    async describe(count) {
      const used = parts.map(({ name, read }) => ({ name, ms: (read() - (before.get(name) ?? 0)) / count }));
      const transactions = ((await readTransactions(farm)) - transactionsBefore) / count;
      const total = used.reduce((sum, { ms }) => sum + ms, 0);
      const list = used.map(({ name, ms }) => `${name} ${ms.toFixed(1)}`).join(", ");
      return `CPU ms each: ${total.toFixed(1)} (${list}); ${transactions.toFixed(1)} transactions each`;
    },
    remove() {
      for (const group of groups) removeGroup(group);
    },
  };
}

const ROOTS = ["/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"];

function createGroup(name: string, of: readonly number[]): string | undefined {
  const root = ROOTS.find((path) => existsSync(join(path, "cgroup.procs")));
  if (root === undefined || process.getuid?.() !== 0) return undefined;
  const group = join(root, `windrow-bench-${process.pid}-${name.replaceAll(" ", "-")}`);
  mkdirSync(group);
  for (const pid of of) writeFileSync(join(group, "cgroup.procs"), String(pid));
  return group;
}

function readGroupMs(group: string): number {
  const usage = join(group, "cpuacct.usage");
  if (existsSync(usage)) return Number(readFileSync(usage, "utf8")) / 1e6;
  return Number(/^usage_usec (\d+)$/m.exec(readFileSync(join(group, "cpu.stat"), "utf8"))?.[1] ?? 0) / 1e3;
}

function removeGroup(group: string): void {
  try {
    rmdirSync(group);
  } catch (error) {
    // a supervisor that has not gone yet; an empty group costs nothing
    if (!hasCode(error, "EBUSY")) throw error;
  }
}

function readOwnMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function withDescendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
  return [pid, ...children.flatMap(withDescendants)];
}

async function readTransactions(farm: Farm): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select xact_commit + xact_rollback as count from pg_stat_database where datname = current_database()`.execute(
    farm.db,
  );
  return Number(rows[0]?.count ?? 0);
}

import { readFile, writeFile } from "node:fs/promises";
import { withMachineLock } from "../machine-lock.ts";
import { readLinkNumbers } from "./job-link.ts";
import type { JobRange } from "./job-range.ts";
import { type NetworkTools, runTool } from "./network-tools.ts";
import { encodeJumps, encodeWall, INPUT_CHAIN, type OthersRules, type WallWishes } from "./wall-rules.ts";

const LOCK_FILE = "/run/windrow-networks.lock";
const FORWARD_FILE = "/proc/sys/net/ipv4/ip_forward";
/** Agents repeat what they want every few seconds; jobs outlive an agent that is gone by some minutes. */
const WISH_MINUTES_MAX = 60;
const TABLES = ["filter", "mangle", "nat"] as const;

/** Everything that is in the tables now. */
interface Saved {
  /** `-A …` lines by table. */
  readonly rules: ReadonlyMap<string, readonly string[]>;
}

/**
 * Puts up the wall between jobs and what they may not reach, or puts it right: chains of our own in the machine's tables,
 * entered before everything else. Agents of one machine share them: each replaces its own rules, and keeps those that
 * others marked as theirs. Each table changes at once. Throws `network_failed`.
 */
export async function raiseWall(tools: NetworkTools, range: JobRange, wishes: WallWishes): Promise<void> {
  await withMachineLock(LOCK_FILE, async () => {
    const saved = await readSaved(tools);
    const links = new Set(await readLinkNumbers());
    const wall = encodeWall(range, wishes, findOthers(saved, range, wishes, links));
    const text = TABLES.flatMap((table) => {
      const rules = wall[table] ?? [];
      const chains = [...new Set(rules.map((rule) => rule.split(" ")[1] ?? ""))];
      return [
        `*${table}`,
        ...chains.map((chain) => `:${chain} - [0:0]`),
        ...rules,
        ...encodeJumpChanges(table, saved, range),
        "COMMIT",
      ];
    });
    await runTool(tools.iptablesRestore, ["--noflush", "--wait", "10"], `${text.join("\n")}\n`);
  });
}

/**
 * Takes what this agent wants of the wall away, and the wall itself where no other agent is there and no job is left that
 * it stands around. Throws `network_failed`.
 */
export async function leaveWall(
  tools: NetworkTools,
  range: JobRange,
  wishes: Pick<WallWishes, "owner" | "nowMinutes">,
) {
  await withMachineLock(LOCK_FILE, async () => {
    const saved = await readSaved(tools);
    const isOthers = (line: string) => {
      const [, owner, minutes] = /--comment "?windrow:\w+:(\w+):(\d+)"?/.exec(line) ?? [];
      if (owner === undefined || owner === wishes.owner) return false;
      return Math.abs(wishes.nowMinutes - Number(minutes)) <= WISH_MINUTES_MAX;
    };
    const lines = [...saved.rules].flatMap(([table, rules]) => rules.map((line) => ({ table, line })));
    const ofThisAgent = lines.filter(({ line }) => line.includes(`:${wishes.owner}:`));
    const isNeeded = lines.some(({ line }) => isOthers(line)) || (await hasJobs(tools, range));
    const text = TABLES.flatMap((table) => {
      const rules = saved.rules.get(table) ?? [];
      if (isNeeded) {
        const own = ofThisAgent.filter((one) => one.table === table);
        return [`*${table}`, ...own.map(({ line }) => line.replace("-A ", "-D ")), "COMMIT"];
      }
      const jumps = rules.filter((line) => / -j WINDROW-/.test(line));
      const chains = [...new Set(rules.map((line) => line.split(" ")[1] ?? ""))].filter(isOurs);
      return [
        `*${table}`,
        ...jumps.map((line) => line.replace("-A ", "-D ")),
        ...chains.flatMap((chain) => [`-F ${chain}`, `-X ${chain}`]),
        "COMMIT",
      ];
    });
    await runTool(tools.iptablesRestore, ["--noflush", "--wait", "10"], `${text.join("\n")}\n`);
  });
}

const isOurs = (chain: string): boolean => chain.startsWith("WINDROW-");

/** Links of sandboxed jobs, or bridges of the engine in our range. */
async function hasJobs(tools: NetworkTools, range: JobRange): Promise<boolean> {
  if ((await readLinkNumbers()).length > 0) return true;
  const addresses = await runTool(tools.ip, ["-4", "-o", "addr", "show"]);
  return [...addresses.matchAll(/ inet (\S+)\//g)].some(([, address = ""]) => range.has(address));
}

/** Some agent of this machine has put the wall up. */
export async function isWallUp(tools: NetworkTools): Promise<boolean> {
  return (await runTool(tools.iptablesSave, ["-t", "filter"])).includes(`-j ${INPUT_CHAIN}`);
}

/**
 * Lets the machine pass packets on, where it does not yet. A machine that did not until now passes on nothing but those of
 * jobs afterwards. Answers whether that was needed.
 */
export async function ensureForwarding(tools: NetworkTools): Promise<boolean> {
  if ((await readFile(FORWARD_FILE, "utf8")).trim() === "1") return false;
  await runTool(tools.iptables, ["--wait", "10", "-P", "FORWARD", "DROP"]);
  await writeFile(FORWARD_FILE, "1");
  return true;
}

/** Bridges that are no way out of this machine. */
export async function readBridges(tools: NetworkTools): Promise<string[]> {
  const [links, routes] = await Promise.all([
    runTool(tools.ip, ["-o", "link", "show", "type", "bridge"]),
    runTool(tools.ip, ["-4", "-o", "route", "show", "default"]),
  ]);
  const ways = new Set([...routes.matchAll(/\bdev (\S+)/g)].map(([, device]) => device));
  return [...links.matchAll(/^\d+: ([^\s:@]+)/gm)].map(([, name = ""]) => name).filter((name) => !ways.has(name));
}

async function readSaved(tools: NetworkTools): Promise<Saved> {
  const rules = new Map<string, string[]>();
  let table: string[] = [];
  for (const line of (await runTool(tools.iptablesSave, [])).split("\n")) {
    if (line.startsWith("*")) {
      table = [];
      rules.set(line.slice(1), table);
    } else if (line.startsWith("-A ")) table.push(line);
  }
  return { rules };
}

/** What others want still, and is not wanted by this agent as well: so there are never more rules than addresses. */
function findOthers({ rules }: Saved, range: JobRange, wishes: WallWishes, links: ReadonlySet<number>): OthersRules {
  const { owner, jobs, nowMinutes } = wishes;
  const own = { agent: [], dns: wishes.nameServers, farm: wishes.farmAddresses, exempt: jobs };
  return {
    of(kind, table, chain) {
      return (rules.get(table) ?? []).filter((line) => {
        const match = /--comment "?windrow:(\w+):(\w+):(\d+)"?/.exec(line);
        if (match === null || match[1] !== kind || match[2] === owner || !line.startsWith(`-A ${chain} `)) return false;
        if (Math.abs(nowMinutes - Number(match[3])) > WISH_MINUTES_MAX) return false;
        if (kind === "agent") return true;
        const address = (kind === "exempt" ? / -s (\S+)/ : / -d (\S+)/).exec(line)?.[1]?.replace(/\/32$/, "") ?? "";
        if (own[kind].includes(address)) return false;
        if (kind !== "exempt" || address.includes("/")) return true;
        // what was somebody else's address is no word about the one who has it now
        const no = range.linkNo(address);
        return no === undefined || links.has(no);
      });
    },
  };
}

/** Where our jumps do not stand in front of everything, each exactly once, they are taken out and put there. */
function encodeJumpChanges(table: string, { rules }: Saved, range: JobRange): string[] {
  const wanted = encodeJumps(range).filter((jump) => jump.table === table);
  const chains = [...new Set(wanted.map((jump) => jump.chain))];
  return chains.flatMap((chain) => {
    const there = (rules.get(table) ?? []).filter((line) => line.startsWith(`-A ${chain} `));
    const own = wanted.filter((jump) => jump.chain === chain).map(({ rule }) => `-A ${chain} ${rule}`);
    const isOurs = (line: string) => own.includes(line);
    const isInFront = own.every((line, at) => there[at] === line);
    if (isInFront && there.filter(isOurs).length === own.length) return [];
    return [
      ...there.filter(isOurs).map((line) => line.replace("-A ", "-D ")),
      ...own.map((line, at) => line.replace(`-A ${chain} `, `-I ${chain} ${at + 1} `)),
    ];
  });
}

import { readFile, writeFile } from "node:fs/promises";
import { hasCode } from "@windrow/service";
import { BackendFault } from "../backend-fault.ts";
import type { JobNamespace } from "./job-namespace.ts";
import { type JobRange, LINK_PREFIX } from "./job-range.ts";
import { type NetworkTools, runTool, tryTool } from "./network-tools.ts";

/** One IPv4 address of a network namespace. */
export interface InsideAddress {
  readonly link: string;
  readonly address: string;
  readonly prefix: number;
}

/** Links of jobs on the machine; their number says their addresses. */
export const LINK_NAME = "wrj";
const INSIDE_NAME = "eth0";
/** Others may take a number between the look and the making. */
const TRIES_MAX = 50;

/** All addresses in there but the loopback's. */
export async function readInsideAddresses(tools: NetworkTools, namespace: JobNamespace): Promise<InsideAddress[]> {
  const text = await runTool(tools.nsenter, [`--net=${namespace.path}`, "--", tools.ip, "-4", "-o", "addr", "show"]);
  return text.split("\n").flatMap((line) => {
    const match = /^\d+: ([^\s@]+)(?:@\S+)?\s+inet (\d+\.\d+\.\d+\.\d+)\/(\d+) /.exec(line);
    if (match === null || match[1] === "lo") return [];
    return { link: match[1] ?? "", address: match[2] ?? "", prefix: Number(match[3]) };
  });
}

/**
 * Joins a job's network namespace to the machine's by a pair of links, and answers the job's address. One made earlier is
 * found again. The number of a link is free when no link has its name, so agents of one machine need no other book; both
 * ends go with the namespace. Throws `network_failed`.
 */
export async function linkJob(tools: NetworkTools, namespace: JobNamespace, range: JobRange): Promise<string> {
  const before = (await readInsideAddresses(tools, namespace)).find(({ address }) => range.has(address));
  if (before !== undefined) return before.address;
  const mtu = await readMtu(tools);
  const no = await addLink(tools, namespace, range, mtu);
  const { machine, job } = range.linkAddresses(no);
  const name = `${LINK_NAME}${no}`;
  await disableIpv6(name);
  await runTool(
    tools.ip,
    ["-batch", "-"],
    [`addr add ${machine}/${LINK_PREFIX} dev ${name}`, `link set ${name} up`, ""].join("\n"),
  );
  await runTool(
    tools.nsenter,
    [`--net=${namespace.path}`, "--", tools.ip, "-batch", "-"],
    [
      `link set ${INSIDE_NAME} addrgenmode none`,
      `addr add ${job}/${LINK_PREFIX} dev ${INSIDE_NAME}`,
      `link set ${INSIDE_NAME} up`,
      `route add default via ${machine}`,
      "",
    ].join("\n"),
  );
  return job;
}

/**
 * Takes the link out of a job's network namespace again, on both sides; nothing happens where there is none. A namespace
 * may serve a later job.
 */
export async function unlinkJob(tools: NetworkTools, namespace: JobNamespace): Promise<void> {
  const inside = ["--", tools.ip, "link", "del", INSIDE_NAME];
  const { exitCode, stderr } = await tryTool(tools.nsenter, [`--net=${namespace.path}`, ...inside]);
  if (exitCode === 0 || stderr.includes("Cannot find device")) return;
  throw new BackendFault("network_failed", `the job's link to the machine could not be taken away: ${stderr.trim()}`);
}

async function addLink(
  tools: NetworkTools,
  namespace: JobNamespace,
  range: JobRange,
  mtu: readonly string[],
): Promise<number> {
  const taken = new Set(await readLinkNumbers());
  let tries = 0;
  for (let no = 0; no < range.linksMax && tries < TRIES_MAX; no++) {
    if (taken.has(no)) continue;
    tries++;
    const peer = ["type", "veth", "peer", "name", INSIDE_NAME, ...mtu, "netns", namespace.path];
    const { exitCode, stderr } = await tryTool(tools.ip, ["link", "add", "name", `${LINK_NAME}${no}`, ...mtu, ...peer]);
    if (exitCode === 0) return no;
    if (!(await readLinkNumbers()).includes(no)) {
      throw new BackendFault("network_failed", `a link to the job's network could not be made: ${stderr.trim()}`);
    }
  }
  throw new BackendFault("network_failed", `no address of ${range.sandboxes} is free for the job`);
}

/** Of all links of jobs on this machine. */
export async function readLinkNumbers(): Promise<number[]> {
  const text = await readFile("/proc/self/net/dev", "utf8");
  return [...text.matchAll(new RegExp(`^\\s*${LINK_NAME}(\\d+):`, "gm"))].map(([, no]) => Number(no));
}

/** The job's packets are to fit where they leave the machine. */
async function readMtu(tools: NetworkTools): Promise<string[]> {
  const route = await runTool(tools.ip, ["-4", "-o", "route", "show", "default"]);
  const device = /\bdev (\S+)/.exec(route)?.[1];
  if (device === undefined) return [];
  const mtu = /\bmtu (\d+)/.exec(await runTool(tools.ip, ["-o", "link", "show", "dev", device]))?.[1];
  return mtu === undefined ? [] : ["mtu", mtu];
}

/** The wall stands in IPv4: by the other protocol a job would be the machine's neighbour. */
async function disableIpv6(link: string): Promise<void> {
  try {
    await writeFile(`/proc/sys/net/ipv6/conf/${link}/disable_ipv6`, "1");
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

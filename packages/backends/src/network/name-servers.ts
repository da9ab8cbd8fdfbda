import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { hasCode } from "@windrow/service";

/** Name servers of this machine, IPv4 alone: jobs have no other addresses. */
export interface NameServers {
  /** On the loopback of the machine, where no job gets to. */
  readonly local: readonly string[];
  readonly others: readonly string[];
}

const FILE = "/etc/resolv.conf";
/** What the stub of systemd's resolver asks itself; the engine gives its containers these. */
const UPSTREAM_FILE = "/run/systemd/resolve/resolv.conf";
/** Programs read no more of them. */
const SERVERS_MAX = 3;

export async function findNameServers(): Promise<NameServers> {
  const named = readServers(await readIfThere(FILE));
  const upstream = readServers(await readIfThere(UPSTREAM_FILE));
  const isLocal = (address: string) => address.startsWith("127.");
  return {
    local: named.filter(isLocal),
    others: [...new Set([...named, ...upstream])].filter((address) => !isLocal(address)),
  };
}

function readServers(text: string): string[] {
  const found = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address = ""]) => address);
  return found.slice(0, SERVERS_MAX).filter((address) => isIPv4(address));
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return "";
    throw error;
  }
}

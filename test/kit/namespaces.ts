import { execFileSync } from "node:child_process";
import type { FarmNetwork } from "./farm.ts";

const PREFIX = `wr${process.pid % 10_000}`;
const BRIDGE = `${PREFIX}br`;
const SUBNET = `10.214.${process.pid % 250}`;

export interface Namespaces extends FarmNetwork {
  remove(): void;
}

/** Why network namespaces cannot be made here, or undefined when they can. */
export function whyNoNamespaces(): string | undefined {
  const probe = `${PREFIX}probe`;
  try {
    ip("netns", "add", probe);
    ip("netns", "del", probe);
    return undefined;
  } catch (error) {
    return `network namespaces cannot be made here: ${error instanceof Error ? error.message.split("\n")[0] : error}`;
  }
}

/** A bridge on this machine and three namespaces on it: both controllers in one, an agent in each of the others. */
export function createNamespaces(): Namespaces {
  const names = ["farm", "a1", "a2"].map((name) => `${PREFIX}${name}`);
  const remove = () => {
    for (const name of names) attempt("netns", "del", name);
    attempt("link", "del", BRIDGE);
  };
  remove();
  ip("link", "add", BRIDGE, "type", "bridge");
  ip("addr", "add", `${SUBNET}.1/24`, "dev", BRIDGE);
  ip("link", "set", BRIDGE, "up");
  for (const [index, name] of names.entries()) {
    const outside = `${PREFIX}v${index}`;
    ip("netns", "add", name);
    ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name);
    ip("link", "set", outside, "master", BRIDGE);
    ip("link", "set", outside, "up");
    ip("-n", name, "addr", "add", `${SUBNET}.${index + 2}/24`, "dev", "eth0");
    ip("-n", name, "link", "set", "eth0", "up");
    ip("-n", name, "link", "set", "lo", "up");
  }
  const [farm = "", first = "", second = ""] = names;
  return {
    hostAddress: `${SUBNET}.1`,
    controllers: { namespace: farm, address: `${SUBNET}.2` },
    agentNamespace: (agentName) => (agentName === "agent-1" ? first : second),
    remove,
  };
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** Removing what is not there is fine; anything else shows when the same name is made next. */
function attempt(...args: string[]): boolean {
  try {
    ip(...args);
    return true;
  } catch {
    return false;
  }
}

import { execFileSync } from "node:child_process";
import { whyNoNamespaces } from "./namespaces.ts";

/** Why packets cannot be dropped here, or undefined when they can. */
export function whyNoLinkFaults(): string | undefined {
  const why = whyNoNamespaces();
  if (why !== undefined) return why;
  try {
    execFileSync("iptables", ["--version"], { stdio: ["ignore", "ignore", "pipe"] });
    return undefined;
  } catch (error) {
    return `packets cannot be dropped here: ${error instanceof Error ? error.message.split("\n")[0] : error}`;
  }
}

/** Drops every packet of a namespace but those within it, both ways and without a word to either side; `heal` ends that. */
export function dropPackets(namespace: string): { heal(): void } {
  const rules = [
    ["INPUT", "!", "-i", "lo", "-j", "DROP"],
    ["OUTPUT", "!", "-o", "lo", "-j", "DROP"],
  ];
  for (const rule of rules) inside(namespace, ["iptables", "-A", ...rule]);
  return {
    heal() {
      for (const rule of rules) inside(namespace, ["iptables", "-D", ...rule]);
    },
  };
}

/** Takes the cable out, or puts it back. */
export function setLink(namespace: string, state: "up" | "down"): void {
  inside(namespace, ["ip", "link", "set", "eth0", state]);
}

function inside(namespace: string, command: readonly string[]): void {
  execFileSync("ip", ["netns", "exec", namespace, ...command], { stdio: ["ignore", "ignore", "pipe"] });
}

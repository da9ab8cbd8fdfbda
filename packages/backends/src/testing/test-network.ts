import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** A network namespace of the test's own, in which it may make bridges and firewall rules as it likes. */
export interface TestNetwork {
  /** Under `/run/netns`. */
  readonly name: string;
  /** What to put before a command that is to run in it. Unlike `ip netns exec` it leaves mounts (and so cgroups) as they are. */
  readonly enter: readonly string[];
  remove(): void;
}

const NAMES_DIR = "/run/netns";
const PREFIX = "wrengine";

export function createTestNetwork(): TestNetwork {
  removeAbandoned();
  const name = `${PREFIX}-${process.pid}-${randomBytes(3).toString("hex")}`;
  const file = join(NAMES_DIR, name);
  const enter = ["nsenter", `--net=${file}`, "--"];
  ip("netns", "add", name);
  run([...enter, "ip", "link", "set", "lo", "up"]);
  return { name, enter, remove: () => ip("netns", "del", name) };
}

/** Those of test processes that were killed. */
function removeAbandoned(): void {
  if (!existsSync(NAMES_DIR)) return;
  for (const name of readdirSync(NAMES_DIR)) {
    const [, pid] = /^wrengine-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) ip("netns", "del", name);
  }
}

function ip(...args: string[]): void {
  run(["ip", ...args]);
}

function run([program = "", ...args]: readonly string[]): void {
  execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
}

import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { BackendFault } from "../backend-fault.ts";
import type { SlotUser } from "../step-backend.ts";
import type { OddNameLauncher } from "./launch-script.ts";

/** What this machine offers for holding jobs. Paths are absolute: job variables must not decide what runs as root. */
export interface HostTools {
  readonly setsid: string;
  readonly setpriv: string | undefined;
  /** Drops to a user in half the time of setpriv; undefined where it cannot be had or would leave a right behind. */
  readonly chroot: string | undefined;
  /** A namespace of processes can be made. */
  readonly isHeld: boolean;
  readonly perl: string | undefined;
  /** Words that bring up the loopback of a network namespace that was just made; empty where none is made. */
  readonly loopback: string;
  /** Mounts file systems in the namespace; empty where that cannot be done. */
  readonly mount: string;
  /** Words before the supervisor's own command; empty where no namespace can be made. */
  readonly hold: readonly string[];
  readonly oddNameLauncher: OddNameLauncher;
}

const folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Looks for the tools and tries whether a PID namespace can be made. Throws `supervisor_failed` without `setsid` or `mkfifo`. */
export async function findHostTools(options: {
  readonly containment: "auto" | "cgroup" | "best-effort";
  readonly hasOwnNet: boolean;
}): Promise<HostTools> {
  const [setsid, mkfifo, setpriv, unshare, perl, chroot, ip, mount] = await Promise.all(
    ["setsid", "mkfifo", "setpriv", "unshare", "perl", "chroot", "ip", "mount"].map(findTool),
  );
  const { hasOwnNet } = options;
  // What one job leaves in memory segments and message queues goes with the namespace.
  const beside = hasOwnNet ? ["ipc", "net"] : ["ipc"];
  if (hasOwnNet && (ip === undefined || process.getuid?.() !== 0)) {
    throw new BackendFault(
      "network_failed",
      "jobs without a network need an agent that is root, and `ip` (iproute2): one of them is not there",
    );
  }
  if (setsid === undefined || mkfifo === undefined) {
    const missing = setsid === undefined ? "setsid (util-linux)" : "mkfifo (coreutils)";
    throw new BackendFault("supervisor_failed", `${missing} is not installed; steps cannot be run without it`);
  }
  const [hold, canUseChroot] = await Promise.all([
    unshare === undefined || options.containment !== "auto" ? [] : findHold(unshare, beside),
    chroot !== undefined && canDropWith(chroot),
  ]);
  return {
    setsid,
    setpriv,
    chroot: canUseChroot ? chroot : undefined,
    hold,
    mount: mount !== undefined && hold.length > 0 && process.getuid?.() === 0 ? mount : "",
    loopback: hasOwnNet ? `${ip} link set lo up` : "",
    isHeld: hold.length > 0,
    perl,
    oddNameLauncher: perl === undefined ? { kind: "node", path: process.execPath } : { kind: "perl", path: perl },
  };
}

/** The words that turn root into the job's user and leave no right behind. */
export async function encodeDrop(tools: HostTools, user: SlotUser | undefined): Promise<string> {
  if (user === undefined) return "";
  const groups = tools.chroot === undefined ? undefined : await findGroups(user);
  if (groups !== undefined) {
    // Numbers with a sign are taken as they are: looking names up would cost more than the rest.
    const [uid, ...gids] = [user.uid, ...groups].map((id) => `+${id}`);
    return `${tools.chroot} --skip-chdir --userspec=${uid}:+${user.gid} --groups=${gids.join(",")} / `;
  }
  if (tools.setpriv === undefined) {
    throw new BackendFault(
      "supervisor_failed",
      `setpriv (util-linux) is not installed; steps cannot run as ${user.name}`,
    );
  }
  return `${tools.setpriv} --reuid ${user.uid} --regid ${user.gid} --init-groups --inh-caps=-all --`;
}

/** Usually root loses every right with its number; where it would keep one (inheritable, ambient), setpriv is needed. */
async function canDropWith(chroot: string): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const words = ["--skip-chdir", "--userspec=+65534:+65534", "--groups=+65534", "/", "/bin/cat", "/proc/self/status"];
  const state = await new Promise<string>((resolve) => {
    execFile(chroot, words, { cwd: "/" }, (error, stdout) => resolve(error === null ? stdout : ""));
  });
  return ["CapInh", "CapPrm", "CapEff", "CapAmb"].every((name) => new RegExp(`^${name}:\\s*0+$`, "m").test(state));
}

/** The groups of the system's books, asked once per user. Undefined when the user is not in them. */
const groupsByName = new Map<string, Promise<readonly number[] | undefined>>();

function findGroups({ name, uid }: SlotUser): Promise<readonly number[] | undefined> {
  const known = groupsByName.get(`${uid} ${name}`);
  if (known !== undefined) return known;
  const found = new Promise<readonly number[] | undefined>((resolve) => {
    execFile("id", ["-G", "--", name], (error, stdout) =>
      resolve(error === null && /^\d+( \d+)*\n$/.test(stdout) ? stdout.trim().split(" ").map(Number) : undefined),
    );
  });
  groupsByName.set(`${uid} ${name}`, found);
  return found;
}

async function findTool(name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

/** An agent that is not root makes a user namespace first, in which it keeps its own number: `id` answers as outside. */
async function findHold(unshare: string, beside: readonly string[]): Promise<string[]> {
  const own = process.getuid?.() === 0 ? [] : ["--user", "--map-current-user"];
  const hold = [
    unshare,
    ...own,
    ...beside.map((kind) => `--${kind}`),
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
  ];
  const works = await new Promise<boolean>((resolve) => {
    execFile(hold[0] ?? "", [...hold.slice(1), "/bin/sh", "-c", '[ "$$" = 1 ] && [ -e /proc/1/stat ]'], (error) =>
      resolve(error === null),
    );
  });
  return works ? hold : [];
}

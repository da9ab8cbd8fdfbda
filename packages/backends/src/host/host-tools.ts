import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { BackendFault } from "../backend-fault.ts";
import type { Containment, SlotUser } from "../step-backend.ts";
import type { OddNameLauncher } from "./launch-script.ts";

/** What this machine offers for holding jobs. Paths are absolute: job variables must not decide what runs as root. */
export interface HostTools {
  readonly setsid: string;
  readonly setpriv: string | undefined;
  readonly containment: Containment;
  /** Words before the supervisor's own command; empty for `best-effort`. */
  readonly hold: readonly string[];
  readonly oddNameLauncher: OddNameLauncher;
}

const folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Looks for the tools and tries whether a PID namespace can be made. Throws `supervisor_failed` without `setsid` or `mkfifo`. */
export async function findHostTools(options: { readonly containment: "auto" | "best-effort" }): Promise<HostTools> {
  const [setsid, mkfifo, setpriv, unshare, perl] = await Promise.all(
    ["setsid", "mkfifo", "setpriv", "unshare", "perl"].map(findTool),
  );
  if (setsid === undefined || mkfifo === undefined) {
    const missing = setsid === undefined ? "setsid (util-linux)" : "mkfifo (coreutils)";
    throw new BackendFault("supervisor_failed", `${missing} is not installed; steps cannot be run without it`);
  }
  const hold = unshare === undefined || options.containment === "best-effort" ? [] : await findHold(unshare);
  return {
    setsid,
    setpriv,
    hold,
    containment: hold.length > 0 ? "pid-namespace" : "best-effort",
    oddNameLauncher: perl === undefined ? { kind: "node", path: process.execPath } : { kind: "perl", path: perl },
  };
}

/** The words that turn root into the job's user and leave no right behind. */
export function encodeDrop(tools: HostTools, user: SlotUser | undefined): string {
  if (user === undefined) return "";
  if (tools.setpriv === undefined) {
    throw new BackendFault(
      "supervisor_failed",
      `setpriv (util-linux) is not installed; steps cannot run as ${user.name}`,
    );
  }
  return `${tools.setpriv} --reuid ${user.uid} --regid ${user.gid} --init-groups --inh-caps=-all --`;
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
async function findHold(unshare: string): Promise<string[]> {
  const own = process.getuid?.() === 0 ? [] : ["--user", "--map-current-user"];
  const hold = [unshare, ...own, "--pid", "--fork", "--mount-proc", "--kill-child"];
  const works = await new Promise<boolean>((resolve) => {
    execFile(hold[0] ?? "", [...hold.slice(1), "/bin/sh", "-c", '[ "$$" = 1 ] && [ -e /proc/1/stat ]'], (error) =>
      resolve(error === null),
    );
  });
  return works ? hold : [];
}

import { existsSync, lstatSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { JobSite } from "../step-backend.ts";

/** How a job's steps are put into a sandbox. */
export interface HostSandbox {
  /** Path of bubblewrap, as `findSandbox` answered. */
  readonly bwrap: string;
  /** The machine's own, or none but a loopback of the job's own, on which `listenInside` can offer something. */
  readonly network: "machine" | "none";
  /** Folders and files of the machine or the agent that jobs may read besides the system's own. Absolute. */
  readonly readable: readonly string[];
  /** Stands in the place of /etc/hosts; readable by everybody. The machine's own unless told. */
  readonly hostsFile?: string;
}

/** The system's own folders, as far as there are any; links between them stay links. */
const SYSTEM_FOLDERS = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/sys"];
/** What others put into readable folders of the system for themselves alone, and no build asks for. */
const HIDDEN = ["/etc/windrow", "/sys/fs/bpf", "/sys/kernel/debug", "/sys/kernel/tracing", "/sys/firmware"];

/**
 * What a job sees of the machine, as bubblewrap's arguments, each ended by NUL: the system read-only; its own folders in
 * their own places; `/tmp` and `/var/tmp` as folders of its own that go with the job; devices without disks; the
 * processes of its own namespace; no capability, and no user namespace to get any in.
 *
 * The other namespaces (processes, IPC, network) are the supervisor's, so that the steps of a job and what they leave in
 * the background share them.
 */
export function encodeSandboxView(site: JobSite, { readable, hostsFile }: HostSandbox): string {
  const tempDir = join(site.workDir, "tmp");
  const words = [
    ...["--unshare-user", "--disable-userns", "--cap-drop", "ALL"],
    ...SYSTEM_FOLDERS.flatMap(showSystemFolder),
    ...HIDDEN.flatMap((folder) => (existsSync(folder) ? ["--tmpfs", folder] : [])),
    ...["--ro-bind", "/proc", "/proc", "--dev", "/dev"],
    ...showResolver(),
    ...showHosts(hostsFile),
    // before the job's own folders, which may stand below one of these
    ...["--bind", tempDir, "/tmp", "--bind", tempDir, "/var/tmp"],
    ...readable.flatMap((path) => ["--ro-bind-try", path, path]),
    ...["--bind", site.workDir, site.workDir],
    ...(site.filesDir === undefined ? [] : ["--bind", site.filesDir, site.filesDir]),
    ...["--remount-ro", "/", "--chdir", "/"],
  ];
  return words.map((word) => `${word}\0`).join("");
}

/** `/bin` is a link to `usr/bin` on most systems of today, and a folder on others. */
function showSystemFolder(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return lstatSync(folder).isSymbolicLink()
    ? ["--symlink", readlinkSync(folder), folder]
    : ["--ro-bind", folder, folder];
}

/** Name servers stand behind a link out of /etc on many systems. */
function showResolver(): string[] {
  const file = "/etc/resolv.conf";
  if (!existsSync(file)) return [];
  const real = realpathSync(file);
  return real.startsWith("/etc/") ? [] : ["--ro-bind-try", real, real];
}

/** Only over a plain file: nothing can be put in the place of a link. */
function showHosts(hostsFile: string | undefined): string[] {
  const file = "/etc/hosts";
  const isPlain = hostsFile !== undefined && lstatSync(file, { throwIfNoEntry: false })?.isFile() === true;
  return isPlain ? ["--ro-bind-try", hostsFile, file] : [];
}

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { hasCode } from "@windrow/service";
import { readCommandLine } from "./process/process-facts.ts";

/** Who listens on a TCP port of this machine. */
export interface PortOwner {
  /** User id of the listening socket. */
  readonly uid: number;
  /** Absent when the process belongs to a user whose files we may not read. */
  readonly pid?: number;
  readonly command?: string;
}

const LISTENING = "0A";
const COMMAND_CHARS_MAX = 120;

/** Finds the process that listens on `port`, on any address; undefined when nobody does (or this is not Linux). */
export function findPortOwner(port: number): PortOwner | undefined {
  if (process.platform !== "linux") return undefined;
  const socket = findListeningSocket(port);
  if (socket === undefined) return undefined;
  const pid = findSocketHolder(socket.inode);
  if (pid === undefined) return { uid: socket.uid };
  const command = readCommandLine(pid)?.join(" ").slice(0, COMMAND_CHARS_MAX);
  return command === undefined ? { uid: socket.uid, pid } : { uid: socket.uid, pid, command };
}

/** "process 41 (nginx -g daemon)", for error messages. */
export function describePortOwner(owner: PortOwner | undefined): string {
  if (owner === undefined) return "a process that could not be found";
  if (owner.pid === undefined) return `a process of user ${owner.uid}`;
  return owner.command === undefined ? `process ${owner.pid}` : `process ${owner.pid} (${owner.command})`;
}

function findListeningSocket(port: number): { readonly inode: string; readonly uid: number } | undefined {
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readTable(table)) {
      // Fields: number, local address:port in hex, remote, state, queues, timer, retransmits, uid, timeout, inode.
      const fields = line.trim().split(/\s+/);
      const localPort = Number.parseInt(fields[1]?.split(":")[1] ?? "", 16);
      const inode = fields[9];
      if (localPort === port && fields[3] === LISTENING && inode !== undefined)
        return { inode, uid: Number(fields[7]) };
    }
  }
  return undefined;
}

function readTable(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n").slice(1);
  } catch (error) {
    // A kernel without IPv6 has no second table.
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

function findSocketHolder(inode: string): number | undefined {
  for (const name of readdirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      for (const fd of readdirSync(`/proc/${name}/fd`)) {
        if (readLink(`/proc/${name}/fd/${fd}`) === `socket:[${inode}]`) return Number(name);
      }
    } catch (error) {
      // Gone meanwhile, or another user's.
      if (!hasCode(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) throw error;
    }
  }
  return undefined;
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}

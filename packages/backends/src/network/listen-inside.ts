import { type ChildProcess, spawn } from "node:child_process";
import { Server } from "node:net";
import { BackendFault } from "../backend-fault.ts";

export interface ListenInsideOptions {
  /** A process in the network namespace: a job's `supervisorPid`. */
  readonly pid: number;
  /** Of 127.0.0.1 in there. */
  readonly port: number;
}

const LISTEN_MS_MAX = 20_000;
/** Run by Node inside the namespace: listens, hands the socket over, goes. */
const PROGRAM = `
const server = require("node:net").createServer();
server.once("error", (error) => process.send({ problem: error.message }, () => process.exit(1)));
server.listen({ host: "127.0.0.1", port: Number(process.argv[1]) }, () => {
  process.send({ listening: true }, server, () => process.disconnect());
});`;
const NSENTER = ["/usr/bin/nsenter", "/usr/sbin/nsenter", "/bin/nsenter"];

/**
 * A server of this process that listens in the network namespace of another one: whoever connects there is answered here.
 * It is how a job without a network reaches what its agent offers, and nothing else. No process stays in the namespace.
 * Add a listener for `connection` before the job starts a step. Needs root, or the user that owns the namespace. Throws
 * `network_failed`.
 */
export async function listenInside({ pid, port }: ListenInsideOptions): Promise<Server> {
  for (const nsenter of NSENTER) {
    const words = [`--net=/proc/${pid}/ns/net`, "--", process.execPath, "-e", PROGRAM, String(port)];
    const child = spawn(nsenter, words, { stdio: ["ignore", "ignore", "pipe", "ipc"], env: {}, cwd: "/" });
    try {
      const server = await receiveServer(child);
      if (server !== undefined) return server;
    } finally {
      if (child.connected) child.disconnect();
      child.kill("SIGKILL");
    }
  }
  throw new BackendFault("network_failed", "nsenter (util-linux) is not installed; jobs cannot be given a network");
}

/** Undefined when there is no such program. */
function receiveServer(child: ChildProcess): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    let words = "";
    const fail = (reason: string) =>
      reject(new BackendFault("network_failed", `nothing could listen in the job's network: ${reason}`));
    const late = setTimeout(() => fail(`no answer within ${LISTEN_MS_MAX} ms`), LISTEN_MS_MAX);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-2_000);
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(late);
      if (error.code === "ENOENT") resolve(undefined);
      else fail(error.message);
    });
    child.once("message", (message, handle) => {
      clearTimeout(late);
      if (handle instanceof Server) resolve(handle);
      else fail(readProblem(message));
    });
    child.once("exit", (code) => {
      clearTimeout(late);
      fail(`its process ended with ${code}: ${words.trim()}`);
    });
  });
}

function readProblem(message: unknown): string {
  const problem: unknown =
    typeof message === "object" && message !== null ? Reflect.get(message, "problem") : undefined;
  return typeof problem === "string" ? problem : "the answer holds no socket";
}

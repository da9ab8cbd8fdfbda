import { type ChildProcess, spawn } from "node:child_process";
import { Socket as DatagramSocket } from "node:dgram";
import { Server } from "node:net";
import { BackendFault } from "../backend-fault.ts";
import { openJobNamespace } from "./job-namespace.ts";

export interface ListenInsideOptions {
  /** A process in the network namespace: a job's `supervisorPid`. */
  readonly pid: number;
  /** Of 127.0.0.1 in there. */
  readonly port: number;
}

/** One address to listen on. */
export interface InsidePlace {
  readonly protocol: "tcp" | "udp";
  /** An IPv4 address of the namespace. */
  readonly address: string;
  readonly port: number;
}

/** What listens in there now; all in the order of the places asked for. */
export interface InsideSockets {
  readonly servers: readonly Server[];
  readonly datagrams: readonly DatagramSocket[];
}

const LISTEN_MS_MAX = 20_000;
/** Of one job: its gateway, its proxy, its services, its name servers. */
const PLACES_MAX = 256;
/** Run by Node inside the namespace: listens on all places, hands each socket over as it is taken, goes. */
const PROGRAM = `
const places = JSON.parse(process.argv[1]);
const fail = (at, error) => process.send({ problem: error.message, code: error.code, at }, () => process.exit(1));
const next = (at) => {
  const place = places[at];
  if (place === undefined) return process.disconnect();
  const given = (error) => error ? fail(at, error) : next(at + 1);
  if (place.protocol === "udp") {
    const socket = require("node:dgram").createSocket("udp4");
    socket.once("error", (error) => fail(at, error));
    socket.bind({ address: place.address, port: place.port, exclusive: true }, () => process.send({ at }, socket, given));
  } else {
    const server = require("node:net").createServer();
    server.once("error", (error) => fail(at, error));
    server.listen({ host: place.address, port: place.port }, () => process.send({ at }, server, given));
  }
};
next(0);`;
const NSENTER = ["/usr/bin/nsenter", "/usr/sbin/nsenter", "/bin/nsenter"];

/**
 * A server of this process that listens in the network namespace of another one: whoever connects there is answered here.
 * It is how a job without a network reaches what its agent offers, and nothing else. No process stays in the namespace.
 * Add a listener for `connection` before the job starts a step. Needs root. Throws `network_failed`.
 */
export async function listenInside({ pid, port }: ListenInsideOptions): Promise<Server> {
  const { servers } = await listenAllInside(pid, [{ protocol: "tcp", address: "127.0.0.1", port }]);
  const [server] = servers;
  if (server === undefined) throw new BackendFault("network_failed", "the answer holds no socket");
  return server;
}

/**
 * As `listenInside`, on all these places by one process: starting it costs more than any number of them. All or nothing.
 * Throws `network_failed`, with a sentence of its own where something in there has taken a place already.
 */
export async function listenAllInside(pid: number, places: readonly InsidePlace[]): Promise<InsideSockets> {
  if (places.length > PLACES_MAX) {
    throw new BackendFault("network_failed", `a job can be offered ${PLACES_MAX} ports, not ${places.length}`);
  }
  const namespace = openJobNamespace(pid);
  try {
    for (const nsenter of NSENTER) {
      const words = [`--net=${namespace.path}`, "--", process.execPath, "-e", PROGRAM, JSON.stringify(places)];
      const child = spawn(nsenter, words, { stdio: ["ignore", "ignore", "pipe", "ipc"], env: {}, cwd: "/" });
      try {
        const sockets = await receiveSockets(child, places);
        if (sockets !== undefined) return sockets;
      } finally {
        if (child.connected) child.disconnect();
        child.kill("SIGKILL");
      }
    }
  } finally {
    namespace.close();
  }
  throw new BackendFault("network_failed", "nsenter (util-linux) is not installed; jobs cannot be given a network");
}

/** Undefined when there is no such program. */
function receiveSockets(child: ChildProcess, places: readonly InsidePlace[]): Promise<InsideSockets | undefined> {
  return new Promise((resolve, reject) => {
    const servers: Server[] = [];
    const datagrams: DatagramSocket[] = [];
    let words = "";
    let isSettled = false;
    const settle = () => {
      isSettled = true;
      clearTimeout(late);
    };
    const fail = (reason: string) => {
      if (isSettled) return;
      settle();
      for (const socket of [...servers, ...datagrams]) socket.close();
      reject(new BackendFault("network_failed", `nothing could listen in the job's network: ${reason}`));
    };
    const late = setTimeout(() => fail(`no answer within ${LISTEN_MS_MAX} ms`), LISTEN_MS_MAX);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-2_000);
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") return fail(error.message);
      settle();
      resolve(undefined);
    });
    child.on("message", (message, handle) => {
      if (handle instanceof Server) servers.push(handle);
      else if (handle instanceof DatagramSocket) datagrams.push(handle);
      else return fail(readProblem(message, places));
      if (servers.length + datagrams.length < places.length) return;
      settle();
      resolve({ servers, datagrams });
    });
    child.once("exit", (code) => fail(`its process ended with ${code}: ${words.trim()}`));
  });
}

function readProblem(message: unknown, places: readonly InsidePlace[]): string {
  const read = (name: string): unknown =>
    typeof message === "object" && message !== null ? Reflect.get(message, name) : undefined;
  const place = places[Number(read("at"))];
  if (read("code") === "EADDRINUSE" && place !== undefined) {
    return `a process of the job listens on ${place.protocol} port ${place.port} of ${place.address}, where the agent is to answer`;
  }
  const problem = read("problem");
  return typeof problem === "string" ? problem : "the answer holds no socket";
}

import { connect, type Server, type Socket } from "node:net";
import { pipeBoth } from "./pipe-both.ts";

/** Of one port of one job. */
const CONNECTIONS_MAX = 512;
/** Databases keep connections that say nothing for as long as their program runs. */
const IDLE_MS_MAX = 24 * 3_600_000;

/** Leads whoever connects to `server` to this port of an address of the machine. Answers a way to end all that is open. */
export function relayPort(server: Server, port: number, host = "127.0.0.1"): () => void {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    if (open.size >= CONNECTIONS_MAX) return void socket.destroy();
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.allowHalfOpen = true;
    pipeBoth(socket, connect({ port, host, allowHalfOpen: true }), IDLE_MS_MAX);
  });
  return () => {
    for (const socket of open) socket.destroy();
  };
}

import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { admitTarget, showTarget, type TargetRules } from "./admit-target.ts";
import { readTarget, type Target } from "./host-rules.ts";
import { pipeBoth } from "./pipe-both.ts";

export interface EgressProxyOptions extends TargetRules {
  /** What to do about a refusal: the end of every sentence that tells of one. */
  readonly advice: string;
  /** Every refusal, with its sentence. */
  readonly onRefused: (why: string) => void;
}

/** The way out of one job whose pool allows some hosts. */
export interface EgressProxy {
  serve(socket: Socket): void;
  /** Ends every connection. */
  close(): void;
}

const CONNECTIONS_MAX = 256;
const HEADER_BYTES_MAX = 32 * 1024;
const CONNECT_MS_MAX = 15_000;
/** A long answer to a question may take its time; git and downloads say something every few seconds. */
const IDLE_MS_MAX = 600_000;
/** Between two requests on one connection. */
const KEEP_ALIVE_MS = 30_000;
/** Of one connection, not of what is asked. */
const HOP_HEADERS = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "proxy-authenticate",
  "te",
  "trailer",
  "upgrade",
  "expect",
];

/**
 * A proxy of HTTP: `CONNECT`, and requests with the whole URL. Each request is decided by itself, its name is resolved
 * once, and the connection goes to the address that was judged: a name that says something else a moment later, a redirect,
 * or another way to write an address changes nothing.
 */
export function createEgressProxy(options: EgressProxyOptions): EgressProxy {
  const open = new Set<Socket>();
  const server = createServer(
    { maxHeaderSize: HEADER_BYTES_MAX, keepAliveTimeout: KEEP_ALIVE_MS },
    (request, response) => void forward(request, response),
  );
  server.on("connect", (request: IncomingMessage, socket: Socket, head: Buffer) => void tunnel(request, socket, head));

  /** A connection to what is asked for, or the answer instead. */
  async function reach(target: Target): Promise<Socket | { readonly code: number; readonly why: string }> {
    const admitted = await admitTarget(target, options);
    switch (admitted.kind) {
      case "unknown":
        return { code: 502, why: admitted.why };
      case "refused": {
        const why = `The network policy of this job's pool refused a connection: ${admitted.why}. ${options.advice}`;
        options.onRefused(why);
        return { code: 403, why };
      }
      case "admitted":
        return connectToFirst(admitted.addresses, target, keep);
    }
  }

  function keep(socket: Socket): void {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  }

  async function tunnel(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy());
    const target = readTarget(request.url ?? "");
    const reached = target === undefined ? { code: 400, why: "CONNECT needs a host and a port" } : await reach(target);
    if ("code" in reached) return refuseTunnel(socket, reached.code, reached.why);
    if (socket.destroyed) return void reached.destroy();
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (head.length > 0) reached.write(head);
    pipeBoth(socket, reached, IDLE_MS_MAX);
  }

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(request.url ?? "");
    const target = url?.protocol === "http:" ? readTarget(`${url.hostname}:${url.port || 80}`) : undefined;
    if (url === null || target === undefined) {
      return refuse(response, 400, "this is a proxy of HTTP: it takes http:// URLs and CONNECT");
    }
    const reached = await reach(target);
    if ("code" in reached) return refuse(response, reached.code, reached.why);
    if (response.destroyed) return void reached.destroy();
    reached.setTimeout(IDLE_MS_MAX, () => reached.destroy(new Error(`silent for ${IDLE_MS_MAX} ms`)));
    const onward = httpRequest(
      {
        createConnection: () => reached,
        ...{ method: request.method ?? "GET", path: url.pathname + url.search, setHost: false },
        headers: { ...passOn(request), host: url.host, connection: "close" },
      },
      (reply) => {
        response.writeHead(reply.statusCode ?? 502, reply.statusMessage, passOn(reply));
        reply.pipe(response);
        reply.on("error", () => response.destroy());
      },
    );
    onward.on("error", (error) => {
      if (response.headersSent) response.destroy();
      else refuse(response, 502, `${showTarget(target)} did not answer: ${error.message}`);
    });
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  }

  return {
    serve(socket) {
      if (open.size >= CONNECTIONS_MAX) {
        socket.on("error", () => socket.destroy());
        return refuseTunnel(socket, 503, `a job has at most ${CONNECTIONS_MAX} connections at a time`);
      }
      keep(socket);
      socket.setTimeout(IDLE_MS_MAX, () => socket.destroy());
      server.emit("connection", socket);
    },
    close() {
      for (const socket of open) socket.destroy();
    },
  };
}

/** The first address that answers. */
async function connectToFirst(
  addresses: readonly string[],
  target: Target,
  keep: (socket: Socket) => void,
): Promise<Socket | { readonly code: number; readonly why: string }> {
  let problem = "";
  for (const host of addresses) {
    const socket = connect({ host, port: target.port });
    keep(socket);
    const error = await new Promise<Error | undefined>((resolve) => {
      socket.setTimeout(CONNECT_MS_MAX, () => socket.destroy(new Error(`no answer within ${CONNECT_MS_MAX} ms`)));
      socket.once("connect", () => resolve(undefined));
      socket.once("error", resolve);
      socket.once("close", () => resolve(new Error("closed")));
    });
    if (error === undefined) {
      socket.setTimeout(0);
      return socket;
    }
    problem = error.message;
  }
  return { code: 502, why: `${showTarget(target)} could not be reached: ${problem}` };
}

/** All but what is of one connection alone, with names in their own case and as often as they came. */
function passOn(message: IncomingMessage): { [name: string]: string | string[] } {
  const named = (message.headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase());
  const headers: { [name: string]: string | string[] } = {};
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    if (values === undefined || HOP_HEADERS.includes(name) || named.includes(name)) continue;
    headers[name] = values.length === 1 ? (values[0] ?? "") : values;
  }
  return headers;
}

function refuse(response: ServerResponse, code: number, why: string): void {
  response.writeHead(code, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end(`${why}\n`);
}

function refuseTunnel(socket: Socket, code: number, why: string): void {
  const body = `${why}\n`;
  const reason = code === 403 ? "Forbidden by the pool" : code === 400 ? "Bad Request" : "Unavailable";
  const headers = ["content-type: text/plain; charset=utf-8", `content-length: ${Buffer.byteLength(body)}`];
  socket.end([`HTTP/1.1 ${code} ${reason}`, ...headers, "connection: close", "", body].join("\r\n"));
}

import { timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { request as httpsRequest, Agent as TlsAgent } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { CONTROLLER_NAME } from "@windrow/certificates";
import type { PermissionLevel } from "@windrow/model";
import type { Logger } from "@windrow/service";
import { noResultsService, type ResultsService } from "./results-service.ts";
import { type GatewayRoute, routeRequest } from "./route-request.ts";
import { createRuntimeToken } from "./runtime-token.ts";

export interface GatewayOptions {
  /** Where controllers serve HTTP; git is at `/git/` there. */
  readonly controllerUrl: string;
  /** PEM of the farm's authority, which alone is trusted then; the machine's authorities when absent. */
  readonly authority?: string | undefined;
  readonly logger: Logger;
  /** What serves artifacts and caches; a word that there is nothing of the kind when absent. */
  readonly results?: ResultsService;
  /** Where the port is kept: jobs that outlive the agent go on looking for the gateway at the port they know. */
  readonly portFile?: string;
}

/** What one job may reach, with its own token, while its attempt lives: its own repository, and to read what the farm lets it. */
export interface Admission {
  /** What the job shows to the gateway. */
  readonly jobToken: string;
  /** What the gateway shows to the controller; another one after a restart of the agent. */
  readonly farmToken: string;
  readonly repository: string;
  /** What its plan says of `contents`; the controller alone decides when absent. */
  readonly contents?: PermissionLevel | undefined;
  readonly runId: number;
  readonly jobId: number;
}

/** The one address a job needs: on the loopback, for git and for its results. */
export interface Gateway {
  /** `http://windrow.localhost:PORT`: git resolves every name under localhost by itself. */
  readonly serverUrl: string;
  /** By address, for programs that do not. */
  readonly apiUrl: string;
  /** `http://127.0.0.1:PORT/`: where the toolkit's clients look for artifacts and caches. */
  readonly resultsUrl: string;
  /** Of the machine's loopback. */
  readonly port: number;
  /** Answers on a connection that came from elsewhere: the loopback of a job's own network. */
  serve(socket: Socket): void;
  /** Lets a job in until the answer is called. */
  admit(admission: Admission): () => void;
  stop(): Promise<void>;
}

/** Tells the controller where the job finds the large files that an answer names. */
const LFS_BASE_HEADER = "windrow-lfs-base";
const TOKEN_NEEDED = "the token of a running job is needed";
const REQUEST_HEADERS = [
  "accept",
  "accept-encoding",
  "accept-language",
  "content-type",
  "content-encoding",
  "content-length",
  "git-protocol",
  "user-agent",
  "pragma",
];
const REPLY_HEADERS = ["content-type", "content-length", "content-encoding", "cache-control", "expires", "pragma"];

/** Connections of all jobs to the controller; more wait. */
const CONNECTIONS_MAX = 64;
const PORT_MAX = 65_535;
/** A controller that says nothing for so long is away; git itself sends something every few seconds. */
const SILENCE_MS_MAX = 120_000;
/** A large push over a slow line takes its time. */
const REQUEST_MS_MAX = 3_600_000;

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const admissions = new Set<Admission>();
  const base = new URL(options.controllerUrl);
  const isTls = base.protocol === "https:";
  const agent = isTls
    ? new TlsAgent({
        ...{ keepAlive: true, maxSockets: CONNECTIONS_MAX },
        ...(options.authority !== undefined && { ca: options.authority, servername: CONTROLLER_NAME }),
      })
    : new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX });
  const server = createServer({ requestTimeout: REQUEST_MS_MAX }, (request, response) => serve(request, response));
  const port = await listenWhereBefore(server, options);

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const route = routeRequest(request.method, request.url);
    const token = readToken(request.headers.authorization);
    switch (route.kind) {
      case "refuse":
        refuse(response, route.code, route.why);
        break;
      case "git":
        serveGit(
          request,
          response,
          route,
          find(token, ({ jobToken }) => jobToken),
        );
        break;
      case "results": {
        const owner = find(token, createRuntimeToken);
        if (owner === undefined) refuse(response, 401, "the runtime token of a running job is needed");
        else (options.results ?? noResultsService(route.what)).serve(request, response, owner);
        break;
      }
      case "api":
        if (find(token, ({ jobToken }) => jobToken) === undefined) refuse(response, 401, TOKEN_NEEDED);
        else refuseApi(response);
        break;
    }
  }

  function serveGit(
    request: IncomingMessage,
    response: ServerResponse,
    route: GatewayRoute & { readonly kind: "git" },
    admission: Admission | undefined,
  ): void {
    const why = admission === undefined ? undefined : whyNot(admission, route);
    if (admission === undefined) refuse(response, 401, TOKEN_NEEDED);
    else if (why !== undefined) refuse(response, 403, why);
    else {
      const { repository, service, search, isLfs } = route;
      const named = isOwn(admission, repository) ? admission.repository : repository;
      const headers: { [name: string]: string } = isLfs
        ? { [LFS_BASE_HEADER]: `http://127.0.0.1:${port}/${named}.git/info/lfs` }
        : {};
      forward(request, response, admission, { path: `/git/${named}.git/${service}${search}`, headers });
    }
  }

  function find(shown: string | undefined, tokenOf: (admission: Admission) => string): Admission | undefined {
    const token = Buffer.from(shown ?? "");
    for (const admission of admissions) {
      const own = Buffer.from(tokenOf(admission));
      if (own.length === token.length && timingSafeEqual(own, token)) return admission;
    }
    return undefined;
  }

  function forward(
    request: IncomingMessage,
    response: ServerResponse,
    admission: Admission,
    { path, headers: more }: { readonly path: string; readonly headers: { readonly [name: string]: string } },
  ): void {
    const headers = { ...pick(request, REQUEST_HEADERS), ...more, authorization: basic(admission.farmToken) };
    const send = isTls ? httpsRequest : httpRequest;
    const target = new URL(base.pathname.replace(/\/$/, "") + path, base);
    const onward = send(target, { method: request.method ?? "GET", headers, agent }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, pick(reply, REPLY_HEADERS));
      reply.pipe(response);
      reply.on("error", () => response.destroy());
    });
    onward.on("error", (error) => {
      options.logger.warn({ err: error }, "the controller could not be reached for git");
      if (response.headersSent) response.destroy();
      else refuse(response, 502, "the controller cannot be reached");
    });
    onward.setTimeout(SILENCE_MS_MAX, () => onward.destroy(new Error(`silent for ${SILENCE_MS_MAX} ms`)));
    // Whoever goes first takes the other side along.
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  }

  return {
    serverUrl: `http://windrow.localhost:${port}`,
    apiUrl: `http://127.0.0.1:${port}/api/v3`,
    resultsUrl: `http://127.0.0.1:${port}/`,
    port,
    serve(socket) {
      server.emit("connection", socket);
    },
    admit(admission) {
      admissions.add(admission);
      return () => admissions.delete(admission);
    },
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const isOwn = (admission: Admission, repository: string): boolean =>
  repository.toLowerCase() === admission.repository.toLowerCase();

/** Why a job may not do this with this repository. Whether another one lets it read is the controller's to say. */
function whyNot(admission: Admission, route: GatewayRoute & { readonly kind: "git" }): string | undefined {
  const { contents, repository } = admission;
  if (route.writes && !isOwn(admission, route.repository)) return `this job may push to ${repository} only`;
  if (contents === "none") {
    return "this job's token reads no repository: give the job `permissions: { contents: read }`";
  }
  if (route.writes && contents === "read") {
    return "this job's token may only read its repository: give the job `permissions: { contents: write }`";
  }
  return undefined;
}

/** On the port of the process before, when it is still free; on any other one else. */
async function listenWhereBefore(server: Server, { portFile, logger }: GatewayOptions): Promise<number> {
  if (portFile === undefined) return listen(server, 0);
  const before = existsSync(portFile) ? Number(readFileSync(portFile, "utf8")) : 0;
  const isPort = Number.isInteger(before) && before > 0 && before <= PORT_MAX;
  const port = await listen(server, isPort ? before : 0).catch((error: unknown) => {
    logger.warn({ err: error, port: before }, "the gateway's port is taken; running jobs will not find it");
    return listen(server, 0);
  });
  if (port !== before) writeFileSync(portFile, `${port}\n`, { mode: 0o600 });
  return port;
}

function listen(server: Server, wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(wanted, "127.0.0.1", () => {
      server.off("error", reject);
      const address: AddressInfo | string | null = server.address();
      if (address === null || typeof address === "string") reject(new Error("the gateway has no port"));
      else resolve(address.port);
    });
  });
}

function readToken(authorization: string | undefined): string | undefined {
  const [scheme = "", value = ""] = (authorization ?? "").split(" ");
  if (["bearer", "token"].includes(scheme.toLowerCase())) return value;
  if (scheme.toLowerCase() !== "basic") return undefined;
  const text = Buffer.from(value, "base64").toString("utf8");
  return text.slice(text.indexOf(":") + 1);
}

const basic = (token: string): string => `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;

function pick(message: IncomingMessage, names: readonly string[]): { [name: string]: string | string[] } {
  const headers: { [name: string]: string | string[] } = {};
  for (const name of names) {
    const value = message.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

function refuse(response: ServerResponse, code: number, why: string): void {
  const challenge = code === 401 ? { "www-authenticate": 'Basic realm="windrow"' } : {};
  response.writeHead(code, { "content-type": "text/plain; charset=utf-8", ...challenge });
  response.end(`${why}\n`);
}

/** In the shape that clients of the API show to people. */
function refuseApi(response: ServerResponse): void {
  const message = "this farm does not speak the GitHub API; what a job needs of it comes by git and by variables";
  response.writeHead(501, { "content-type": "application/json; charset=utf-8" });
  response.end(JSON.stringify({ message }));
}

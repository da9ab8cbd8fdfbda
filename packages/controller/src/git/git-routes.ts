import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { BlobStore } from "@windrow/blobs";
import { Refusal } from "@windrow/model";
import type { Logger } from "@windrow/service";
import { type Database, findRepository } from "@windrow/store";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Authenticator, readAuthorization } from "../http-api/authenticate.ts";
import type { Links } from "../http-api/present/present-run.ts";
import { ownOwner } from "../http-api/principal.ts";
import { describeError } from "../http-api/problems.ts";
import { requireMayFetch, requireMayPush } from "./git-access.ts";
import { backendRequest, type GitCall } from "./git-call.ts";
import type { GitEnvironment } from "./git-environment.ts";
import { type BackendProcess, startHttpBackend } from "./http-backend.ts";
import { readLfsPath } from "./lfs-path.ts";
import type { PushGate } from "./push-gate.ts";
import { receivePush } from "./receive-push.ts";
import { isFolder, repositoryFolder, requireRepositoryName } from "./repository-folder.ts";
import { serveLfs } from "./serve-lfs.ts";
import { createSlots } from "./slots.ts";

export const FETCHES_MAX = 32;
export const PUSHES_MAX = 64;
const LINE_MAX = 256;

export interface GitRoutesDeps {
  readonly db: Database;
  readonly logger: Logger;
  readonly environment: GitEnvironment;
  readonly authenticator: Authenticator;
  readonly gate: PushGate;
  /** Holds the large files of git LFS. */
  readonly blobs: BlobStore;
  readonly links: Pick<Links, "publicUrl">;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
}

const PATH_PATTERN = /^(?:([^/]+)\/)?([^/]+?)(?:\.git)?(\/info\/refs|\/git-upload-pack|\/git-receive-pack)$/;

/** git's smart HTTP at /git/OWNER/NAME.git and, for the token's own owner, /git/NAME.git. */
export async function registerGitRoutes(app: FastifyInstance, deps: GitRoutesDeps): Promise<void> {
  const fetches = createSlots({ what: "fetches", max: FETCHES_MAX, lineMax: LINE_MAX });
  const pushes = createSlots({ what: "pushes", max: PUSHES_MAX, lineMax: LINE_MAX });

  await app.register(async (scope) => {
    // bodies go to git as they come
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, body, done) => done(null, body));
    // git shows text that comes with a refusal to the person at the terminal
    scope.setErrorHandler(async (error: Error, request, reply) => {
      const { problem, isBug } = describeError(error, request.id);
      if (isBug) request.log.error({ err: error }, "git request failed");
      if (problem.status === 401) reply.header("www-authenticate", 'Basic realm="windrow"');
      const hint = problem.hint === undefined ? "" : `\n${problem.hint}`;
      return reply.status(problem.status).type("text/plain").send(`windrow: ${problem.detail}${hint}\n`);
    });
    scope.route({ method: "GET", url: "/git/*", config: { permission: "own" }, schema: { hide: true }, handler });
    scope.route({ method: "PUT", url: "/git/*", config: { permission: "own" }, schema: { hide: true }, handler });
    scope.route({ method: "POST", url: "/git/*", config: { permission: "own" }, schema: { hide: true }, handler });
  });

  async function handler(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const large = readLfsPath(wildcardOf(request));
    if (large !== undefined) return serveLfs(deps, large, { request, reply, slots: { fetches, pushes } });
    if (request.method === "PUT") throw new Refusal("not_found", "there is nothing here");
    const call = await readCall(request);
    const left = new AbortController();
    reply.raw.once("close", () => left.abort());
    const slots = call.writes && request.method === "POST" ? pushes : fetches;
    const giveBack = await slots.take(left.signal);
    try {
      if (request.method === "POST" && call.writes && call.principal.kind !== "join") {
        await receivePush(
          { ...deps, left: left.signal },
          {
            call,
            principal: call.principal,
            request,
            reply,
            relay: (backend) => relay(backend, request, reply, "outlives"),
          },
        );
      } else {
        await relay(startHttpBackend(backendRequest(deps.environment, call, request)), request, reply, "ends");
      }
    } finally {
      giveBack();
      if (reply.sent) reply.raw.end();
    }
    return reply;
  }

  async function readCall(request: FastifyRequest): Promise<GitCall> {
    const [, ownerPart, name, service] = PATH_PATTERN.exec(wildcardOf(request)) ?? [];
    if (name === undefined || !isService(service) || (service === "/info/refs") !== (request.method === "GET")) {
      throw new Refusal("not_found", "there is nothing here", { hint: "repositories are at /git/OWNER/NAME.git" });
    }
    const asked: unknown = Reflect.get(Object(request.query), "service");
    const wanted = service === "/info/refs" ? `/${String(asked)}` : service;
    if (wanted !== "/git-upload-pack" && wanted !== "/git-receive-pack") {
      throw new Refusal("not_allowed", "only git's smart HTTP protocol is spoken here");
    }
    const writes = wanted === "/git-receive-pack";
    const principal = await deps.authenticator.authenticate(
      readAuthorization(request.headers.authorization),
      request.ip,
    );
    const owner = ownerPart ?? ownOwner(principal);
    requireRepositoryName({ owner, name });
    const repository = await findRepository(deps.db, { owner, name });
    const exists = repository !== undefined;
    if (writes) requireMayPush(principal, { owner, name }, repository);
    else requireMayFetch(principal, { owner, name }, repository);
    const own = repositoryFolder(deps.environment.gitDir, { owner, name });
    const folder = exists && (await isFolder(own)) ? own : deps.environment.emptyRepository;
    return { owner, name, service, writes, principal, exists, folder };
  }
}

const wildcardOf = (request: FastifyRequest): string => String(Reflect.get(Object(request.params), "*"));

function isService(text: string | undefined): text is GitCall["service"] {
  return text === "/info/refs" || text === "/git-upload-pack" || text === "/git-receive-pack";
}

/**
 * Body to git, answer to the client, both as they come. When the client leaves, a push still ends what it began; a fetch
 * ends, since it would only keep others waiting.
 */
async function relay(
  backend: BackendProcess,
  request: FastifyRequest,
  reply: FastifyReply,
  withoutClient: "ends" | "outlives",
): Promise<void> {
  const drop = (): void => {
    if (withoutClient === "ends") backend.terminate();
    backend.body.resume();
  };
  if (request.method === "POST") void feed(request.raw, backend);
  else backend.stdin.end();
  const header = await backend.header.catch((error: unknown) => {
    backend.terminate();
    throw error;
  });
  reply.hijack();
  if (reply.raw.destroyed) {
    drop();
  } else {
    reply.raw.writeHead(header.status, Object.fromEntries(header.headers));
    reply.raw.flushHeaders();
    try {
      // the answer ends when everything behind it is done, so that who reads it to its end finds what it says
      await pipeline(backend.body, reply.raw, { end: false });
    } catch (error) {
      request.log.debug({ err: error }, "the git client left");
      drop();
    }
  }
  const { code, complaint } = await backend.ended;
  if (code !== 0) request.log.info({ code, complaint }, "git http-backend ended with an error");
}

async function feed(body: Readable, backend: BackendProcess): Promise<void> {
  try {
    await pipeline(body, backend.stdin);
  } catch {
    // the client left, or git had enough: a body that ends early makes git refuse what it has
    backend.stdin.end();
  }
}

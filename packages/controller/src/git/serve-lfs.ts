import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { BlobStore } from "@windrow/blobs";
import { Refusal } from "@windrow/model";
import {
  type Database,
  ensureRepository,
  findLfsObjects,
  findRepository,
  inTransaction,
  type RepositoryRow,
  recordAudit,
  sumLfsBytes,
} from "@windrow/store";
import type { FastifyReply, FastifyRequest } from "fastify";
import { auditAuthor } from "../http-api/audit-author.ts";
import { type Authenticator, readAuthorization } from "../http-api/authenticate.ts";
import type { Links } from "../http-api/present/present-run.ts";
import { actorOf, ownOwner, type Principal } from "../http-api/principal.ts";
import { describeError } from "../http-api/problems.ts";
import { requireMayFetch, requireMayPush } from "./git-access.ts";
import type { GitEnvironment } from "./git-environment.ts";
import { answerLfsBatch, LFS_REPOSITORY_BYTES_MAX, type LfsBatch, readLfsBatch } from "./lfs-batch.ts";
import type { LfsPath } from "./lfs-path.ts";
import { takeLfsObject } from "./lfs-upload.ts";
import { createRepositoryFolder, repositoryFolder, requireRepositoryName } from "./repository-folder.ts";
import type { Slots } from "./slots.ts";

export interface LfsDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly environment: GitEnvironment;
  readonly authenticator: Authenticator;
  readonly links: Pick<Links, "publicUrl">;
}

interface LfsExchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly slots: { readonly fetches: Slots; readonly pushes: Slots };
}

const TYPE = "application/vnd.git-lfs+json";
const BATCH_BYTES_MAX = 1024 * 1024;
/** Where a job finds the files: its agent's gateway says it. */
const BASE_HEADER = "windrow-lfs-base";
const BASE = /^http:\/\/127\.0\.0\.1:\d{1,5}\/[A-Za-z0-9_./-]{1,300}\/info\/lfs$/;

/** Large files of git LFS: batch requests and basic transfers. The errors of git LFS are JSON. */
export async function serveLfs(deps: LfsDeps, path: LfsPath, exchange: LfsExchange): Promise<FastifyReply> {
  const { request, reply } = exchange;
  const principal = await deps.authenticator.authenticate(readAuthorization(request.headers.authorization), request.ip);
  try {
    await answer(deps, { ...path, owner: path.owner ?? ownOwner(principal), principal }, exchange);
  } catch (error) {
    if (!(error instanceof Error) || reply.sent) throw error;
    const { problem, isBug } = describeError(error, request.id);
    if (isBug) request.log.error({ err: error }, "a request of git LFS failed");
    const message = `windrow: ${problem.detail}${problem.hint === undefined ? "" : ` (${problem.hint})`}`;
    reply.status(problem.status).type(TYPE).send(JSON.stringify({ message }));
  }
  return reply;
}

interface LfsCall extends Omit<LfsPath, "owner"> {
  readonly owner: string;
  readonly principal: Principal;
}

async function answer(deps: LfsDeps, call: LfsCall, exchange: LfsExchange): Promise<void> {
  const { owner, name, what, principal } = call;
  const { request, reply } = exchange;
  const { method } = request;
  requireRepositoryName(call);
  const found = await findRepository(deps.db, call);
  // what clients take for "there are no locks here"
  if (what === "locks" || (what === "batch") !== (method === "POST")) {
    throw new Refusal("not_found", "files are not locked here");
  }
  const batch = what === "batch" ? readLfsBatch(await readText(bodyOf(request))) : undefined;
  const writes = batch?.operation === "upload" || method === "PUT";
  if (writes) requireMayPush(principal, { owner, name }, found);
  else requireMayFetch(principal, { owner, name }, found);
  // large files come before the push that would make it
  const repository = found ?? (await addRepository(deps, call, request));
  if (batch !== undefined) return answerBatch(deps, { call, batch, repositoryId: repository.id }, exchange);
  if (typeof what === "object" && method === "GET") {
    return sendObject(deps, { repositoryId: repository.id, oid: what.oid }, exchange);
  }
  if (typeof what === "object" && method === "PUT") {
    const upload = { repositoryId: repository.id, oid: what.oid, createdBy: actorOf(principal) };
    const giveBack = await exchange.slots.pushes.take(leftSignal(reply));
    try {
      await takeLfsObject(deps, { ...upload, body: bodyOf(request), bytesMax: LFS_REPOSITORY_BYTES_MAX });
    } finally {
      giveBack();
    }
    reply.status(200).send("");
    return;
  }
}

async function addRepository(
  { db, environment }: LfsDeps,
  { owner, name, principal }: LfsCall,
  request: FastifyRequest,
): Promise<RepositoryRow> {
  const wanted = { owner, name, createdBy: actorOf(principal) };
  const { repository } = await inTransaction(db, async (tx) => {
    const ensured = await ensureRepository(tx, wanted);
    if (ensured.created) {
      await recordAudit(tx, {
        ...auditAuthor(principal, request),
        action: "repo.add",
        subject: `repo:${owner}/${name}`,
      });
    }
    return ensured;
  });
  const folder = repositoryFolder(environment.gitDir, wanted);
  await mkdir(dirname(folder), { recursive: true });
  await createRepositoryFolder(folder, repository.default_branch);
  return repository;
}

async function answerBatch(
  { db, links }: LfsDeps,
  { call, batch, repositoryId }: { readonly call: LfsCall; readonly batch: LfsBatch; readonly repositoryId: number },
  { request, reply }: LfsExchange,
): Promise<void> {
  const said = request.headers[BASE_HEADER];
  const isInJob = call.principal.kind === "job" && typeof said === "string" && BASE.test(said);
  const base = isInJob ? said : `${links.publicUrl()}/git/${call.owner}/${call.name}.git/info/lfs`;
  const { authorization } = request.headers;
  const known = await findLfsObjects(db, { repositoryId, oids: batch.objects.map(({ oid }) => oid) });
  const body = answerLfsBatch({
    batch,
    known,
    usedBytes: batch.operation === "upload" ? await sumLfsBytes(db, repositoryId) : 0,
    hrefOf: (oid) => `${base}/objects/${oid}`,
    // a job's requests come by its gateway, which knows another token
    header: isInJob || authorization === undefined ? undefined : { Authorization: authorization },
  });
  reply.status(200).type(TYPE).send(JSON.stringify(body));
}

async function sendObject(
  { db, blobs }: LfsDeps,
  object: { readonly repositoryId: number; readonly oid: string },
  { request, reply, slots }: LfsExchange,
): Promise<void> {
  const [found] = await findLfsObjects(db, { repositoryId: object.repositoryId, oids: [object.oid] });
  if (found === undefined) throw new Refusal("not_found", "this farm does not have the file");
  const giveBack = await slots.fetches.take(leftSignal(reply));
  try {
    const bytes = await blobs.open(found.blobKey);
    reply.hijack();
    reply.raw.writeHead(200, { "content-type": "application/octet-stream", "content-length": found.lengthBytes });
    await pipeline(bytes, reply.raw).catch((error: unknown) => request.log.debug({ err: error }, "a reader left"));
  } finally {
    giveBack();
  }
}

function leftSignal(reply: FastifyReply): AbortSignal {
  const left = new AbortController();
  reply.raw.once("close", () => left.abort());
  return left.signal;
}

/** As it comes: nothing in front of git reads bodies. */
const bodyOf = (request: FastifyRequest): Readable => request.raw;

async function readText(body: Readable): Promise<string> {
  const pieces: Buffer[] = [];
  let lengthBytes = 0;
  for await (const piece of body) {
    const bytes = Buffer.from(piece);
    lengthBytes += bytes.length;
    if (lengthBytes > BATCH_BYTES_MAX)
      throw new Refusal("invalid", `a batch request has at most ${BATCH_BYTES_MAX} bytes`);
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString("utf8");
}

import { randomBytes, randomUUID } from "node:crypto";
import { CertificateError, issueAgentCertificate, readCertificateRequest } from "@windrow/certificates";
import type { Join, JoinAnswer } from "@windrow/contract";
import { asAgentId, Refusal } from "@windrow/model";
import {
  type AgentIdentity,
  findAgentIdentity,
  findJoinToken,
  insertAgent,
  inTransaction,
  isUniqueViolation,
  type JoinTokenState,
  machineJoined,
  recordAudit,
  renewAgentCertificate,
  useJoinToken,
} from "@windrow/store";
import { isUserPublicKey } from "@windrow/wire";
import type { FastifyRequest } from "fastify";
import type { ApiDeps } from "./api-deps.ts";
import { readAuthorization } from "./authenticate.ts";
import { requirePermission } from "./guard.ts";
import type { JoinPrincipal } from "./principal.ts";
import { hashToken } from "./token-secret.ts";

const NAME_CHARS_MAX = 90;

/**
 * Exchanges a join token for an agent's own certificate and NATS credential. Of what the agent claims only its public keys
 * are taken over, and the one of its certificate must have signed the request. One use of the token is spent in the
 * transaction that adds the agent, so a token for one agent never makes two; an agent whose answer was lost asks again
 * with the same token and key, and is the same agent.
 */
export async function joinAgent(deps: ApiDeps, join: Join, request: FastifyRequest): Promise<JoinAnswer> {
  const token = readAuthorization(request.headers.authorization) ?? join.token;
  const natsPublicKey = join.nats_public_key;
  const known =
    token === undefined ? undefined : await findJoinToken(deps.db, { hash: hashToken(token), natsPublicKey });
  const again = known?.isOpen ? await findJoined(deps, known, join) : undefined;
  if (again !== undefined) return answerAgain(deps, again);
  const principal = await authenticate(deps, { token, known, request });
  const publicKey = await readKey(join.certificate_request);
  if (!isUserPublicKey(join.nats_public_key)) {
    throw new Refusal("invalid", "nats_public_key is not the public half of a NATS user key");
  }
  const agentId = asAgentId(randomUUID());
  const name = join.name ?? nameFromHost(join.hostname);
  // first, so that what cannot be issued spends no use of the token
  const issued = await issue(deps, { agentId, publicKey, natsPublicKey: join.nats_public_key });
  const { pool, slots } = await inTransaction(deps.db, async (tx) => {
    const row = await useJoinToken(tx, principal.tokenId);
    if (row?.pool == null) throw new Refusal("unauthenticated", "the join token is used up, expired or revoked");
    const slots = await insertAgent(tx, {
      id: agentId,
      name,
      pool: row.pool,
      labels: join.labels.map((label) => label.toLowerCase()),
      slots: join.slots,
      publicKey,
      certificateExpiresAt: new Date(issued.certificate_expires_at),
      natsPublicKey: join.nats_public_key,
      hostname: join.hostname,
      version: join.version,
      joinedWith: principal.tokenId,
    });
    const machineId = known?.machineId ?? undefined;
    if (machineId !== undefined && (await machineJoined(tx, { machineId, agentId })) === undefined) {
      throw new Refusal("not_allowed", "the machine that this join token was made for is not awaited any more");
    }
    const after = { id: agentId, pool: row.pool, hostname: join.hostname, version: join.version };
    const author = { actor: `join token ${principal.name}`, tokenId: principal.tokenId, ip: request.ip };
    await recordAudit(tx, { ...author, action: "agent.join", subject: `agent:${name}`, after });
    return { pool: row.pool, slots };
  }).catch((error: unknown) => {
    if (!isUniqueViolation(error)) throw error;
    throw new Refusal("conflict", `there is an agent '${name}' already, or one with this key`, {
      hint: "join under another name, or remove the other agent first",
      cause: error,
    });
  });
  return { agent_id: agentId, name, pool, slots, ...issued, ...whereabouts(deps) };
}

/** The holder of the token, as with every route. An attempt with a token that was good once stands in the audit trail. */
async function authenticate(
  deps: ApiDeps,
  { token, known, request }: { token: string | undefined; known: JoinTokenState | undefined; request: FastifyRequest },
): Promise<JoinPrincipal> {
  try {
    const principal = await deps.authenticator.authenticate(token, request.ip);
    requirePermission(principal, "agent:join");
    if (principal.kind !== "join") throw new Refusal("not_allowed", "joining takes a join token (wrj_…)");
    return principal;
  } catch (error) {
    // not waited for: how long a refusal takes tells nothing of the token
    if (known !== undefined && error instanceof Refusal && error.code === "unauthenticated") {
      noteRefusal(deps, known, request.ip);
    }
    throw error;
  }
}

function noteRefusal({ db, logger }: ApiDeps, { id, name }: JoinTokenState, ip: string): void {
  const entry = { actor: `join token ${name}`, tokenId: id, ip, action: "agent.join_refused", subject: `token:${id}` };
  recordAudit(db, entry).catch((error: unknown) => {
    logger.error({ err: error }, "a refused join does not stand in the audit trail");
  });
}

async function readKey(certificateRequest: string): Promise<Buffer> {
  try {
    return await readCertificateRequest(certificateRequest);
  } catch (cause) {
    if (!(cause instanceof CertificateError)) throw cause;
    throw new Refusal("invalid", `certificate_request: ${cause.message}`, { cause });
  }
}

/** The agent that joined with this token and this key, if that is what happened before. */
async function findJoined(deps: ApiDeps, token: JoinTokenState, join: Join): Promise<AgentIdentity | undefined> {
  if (token.agentId === null) return undefined;
  const agent = await findAgentIdentity(deps.db, token.agentId);
  const publicKey = await readKey(join.certificate_request);
  return agent?.publicKey?.equals(publicKey) ? agent : undefined;
}

async function answerAgain(deps: ApiDeps, agent: AgentIdentity): Promise<JoinAnswer> {
  const { id, name, pool, slots, publicKey, natsPublicKey } = agent;
  if (publicKey === null) throw new Refusal("unauthenticated", "this agent has no key");
  const issued = await issue(deps, { agentId: id, publicKey, natsPublicKey });
  await renewAgentCertificate(deps.db, { agentId: id, expiresAt: new Date(issued.certificate_expires_at) });
  return { agent_id: id, name, pool, slots, ...issued, ...whereabouts(deps) };
}

async function issue(
  { authority, clock, farm }: ApiDeps,
  of: { readonly agentId: string; readonly publicKey: Buffer; readonly natsPublicKey: string },
) {
  const { agentId, publicKey, natsPublicKey } = of;
  const issued = await issueAgentCertificate({ authority, agentId, publicKey, nowMs: clock.nowMs() });
  return {
    certificate: issued.cert,
    certificate_expires_at: new Date(issued.expiresAtMs).toISOString(),
    nats_jwt: await farm.issueNatsJwt({ agentId, natsPublicKey }),
  };
}

function whereabouts({ authority, grpcAddress, natsUrls }: ApiDeps) {
  return { authority: authority.cert, grpc_address: grpcAddress(), nats_urls: [...natsUrls] };
}

/** Several agents may run on one machine: a few random characters keep their names apart. */
function nameFromHost(hostname: string): string {
  const host = hostname
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, NAME_CHARS_MAX);
  return `${host === "" ? "agent" : host}-${randomBytes(2).toString("hex")}`;
}

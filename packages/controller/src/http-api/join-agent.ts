import { randomBytes, randomUUID } from "node:crypto";
import type { Join, JoinAnswer } from "@windrow/contract";
import { asAgentId, Refusal } from "@windrow/model";
import { insertAgent, inTransaction, isUniqueViolation, useJoinToken } from "@windrow/store";
import { isUserPublicKey } from "@windrow/wire";
import type { FastifyRequest } from "fastify";
import type { ApiDeps } from "./api-deps.ts";
import { requirePermission } from "./guard.ts";
import { createTokenSecret } from "./token-secret.ts";

const NAME_CHARS_MAX = 90;

/**
 * Exchanges a join token for an agent's own credential. One use of the token is spent in the transaction that adds the
 * agent, so a token for one agent never makes two.
 */
export async function joinAgent(deps: ApiDeps, join: Join, request: FastifyRequest): Promise<JoinAnswer> {
  const principal = request.principal ?? (await deps.authenticator.authenticate(join.token, request.ip));
  requirePermission(principal, "agent:join");
  if (principal.kind !== "join") throw new Refusal("not_allowed", "joining takes a join token (wrj_…)");
  if (!isUserPublicKey(join.nats_public_key)) {
    throw new Refusal("invalid", "nats_public_key is not the public half of a NATS user key");
  }
  const agentId = asAgentId(randomUUID());
  const name = join.name ?? nameFromHost(join.hostname);
  // first, so that a key that is no key spends no use of the token
  const natsJwt = await deps.farm.issueNatsJwt({ agentId, natsPublicKey: join.nats_public_key });
  const { secret, hash } = createTokenSecret("wra");
  const pool = await inTransaction(deps.db, async (tx) => {
    const token = await useJoinToken(tx, principal.tokenId);
    if (token?.pool == null) throw new Refusal("unauthenticated", "the join token is used up, expired or revoked");
    await insertAgent(tx, {
      id: agentId,
      name,
      pool: token.pool,
      labels: join.labels.map((label) => label.toLowerCase()),
      slots: join.slots,
      credentialHash: hash,
      natsPublicKey: join.nats_public_key,
      hostname: join.hostname,
      version: join.version,
      joinedWith: principal.tokenId,
    });
    return token.pool;
  }).catch((error: unknown) => {
    if (!isUniqueViolation(error)) throw error;
    throw new Refusal("conflict", `there is an agent '${name}' already`, {
      hint: "join under another name, or remove the other agent first",
      cause: error,
    });
  });
  return {
    agent_id: agentId,
    name,
    pool,
    credential: secret,
    grpc_address: deps.grpcAddress(),
    nats_urls: [...deps.natsUrls],
    nats_jwt: natsJwt,
  };
}

/** Several agents may run on one machine: a few random characters keep their names apart. */
function nameFromHost(hostname: string): string {
  const host = hostname
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, NAME_CHARS_MAX);
  return `${host === "" ? "agent" : host}-${randomBytes(2).toString("hex")}`;
}

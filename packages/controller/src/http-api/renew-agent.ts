import { createRenewalChallenges, isProofGood, issueAgentCertificate, RENEWABLE_FOR_MS } from "@windrow/certificates";
import type { Renew, RenewAnswer } from "@windrow/contract";
import { Refusal } from "@windrow/model";
import { findAgentIdentity, renewAgentCertificate } from "@windrow/store";
import type { FastifyRequest } from "fastify";
import type { ApiDeps } from "./api-deps.ts";
import { createWrongTokenLimit } from "./wrong-token-limit.ts";

const DAY_MS = 24 * 3_600_000;

/** How agents renew their certificates, before they end and after: there is one way. */
export interface AgentRenewal {
  /** What the agent is to sign. Says nothing of whether there is such an agent. */
  challenge(agentId: string): string;
  /**
   * A new certificate for the registered key. Throws `unauthenticated` for a bad proof and an unknown agent alike,
   * `not_allowed` with the reason for one that was removed, disabled, or away for too long: only the holder of the key
   * learns it; `too_many` for bad proofs from an address that sent too many.
   */
  renew(asked: Renew, request: FastifyRequest): Promise<RenewAnswer>;
}

export function createAgentRenewal(deps: ApiDeps): AgentRenewal {
  const { db, clock, authority, farm } = deps;
  const challenges = createRenewalChallenges(authority);
  const limit = createWrongTokenLimit(clock);

  // after the proof was looked at: who holds a key is not shut out because a neighbour, or a job of its own, sends bad ones
  function refuse(address: string): never {
    if (limit.isOver(address)) {
      throw new Refusal("too_many", "too many bad proofs from this address", { hint: "wait a minute" });
    }
    limit.count(address);
    throw new Refusal("unauthenticated", "this is no proof of an agent's registered key", {
      hint: "join the agent again with a new join token",
    });
  }

  return {
    challenge: (agentId) => challenges.make(agentId, clock.nowMs()),
    async renew({ agent_id: agentId, challenge, proof }, { ip }) {
      const nowMs = clock.nowMs();
      if (!challenges.isGood(challenge, agentId, nowMs)) refuse(ip);
      const agent = await findAgentIdentity(db, agentId);
      const publicKey = agent?.publicKey ?? undefined;
      const endedAtMs = agent?.certificateExpiresAt?.getTime();
      if (agent === undefined || publicKey === undefined || endedAtMs === undefined) refuse(ip);
      if (!isProofGood({ publicKey, agentId, challenge, proof })) refuse(ip);
      const rejoin = { hint: "join the machine again with a new join token" };
      if (agent.isRemoved) throw new Refusal("not_allowed", "removed: this agent was taken off the farm", rejoin);
      if (agent.isDisabled) {
        throw new Refusal("not_allowed", `disabled: ${agent.disabledReason ?? "an operator disabled this agent"}`, {
          hint: `an operator enables it again with: windrow agent resume ${agent.name}`,
        });
      }
      if (nowMs > endedAtMs + RENEWABLE_FOR_MS) {
        const days = Math.floor((nowMs - endedAtMs) / DAY_MS);
        throw new Refusal(
          "not_allowed",
          `expired: the certificate of agent ${agent.name} ended ${days} days ago, and is renewed for ${RENEWABLE_FOR_MS / DAY_MS} days only`,
          rejoin,
        );
      }
      const { cert, expiresAtMs } = await issueAgentCertificate({ authority, agentId, publicKey, nowMs });
      const natsJwt = await farm.issueNatsJwt({ agentId, natsPublicKey: agent.natsPublicKey });
      const expiresAt = new Date(expiresAtMs);
      if (!(await renewAgentCertificate(db, { agentId, expiresAt }))) {
        throw new Refusal("not_allowed", "removed: this agent was just taken off the farm", rejoin);
      }
      return { certificate: cert, certificate_expires_at: expiresAt.toISOString(), nats_jwt: natsJwt };
    },
  };
}

import { type AgentId, type AttemptId, asAgentId, asJobId, asLeaseId } from "@windrow/model";
import type { Logger } from "@windrow/service";
import { findOpenOffers, type GrantedLease } from "@windrow/store";
import { type Bus, hintsAbout, type Offer, type OfferAnswer, offersTo } from "@windrow/wire";
import type { SessionRegistry } from "../agent-api/session-registry.ts";
import type { Metrics } from "../metrics.ts";
import type { Announcer } from "../runs/announcer.ts";
import type { EndDeps } from "../runs/end-attempt-run.ts";
import { declineOffer } from "../runs/end-offer.ts";

export interface OfferDeps extends EndDeps {
  readonly bus: Bus | undefined;
  readonly sessions: SessionRegistry;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly announcer: Announcer;
  /** The agent is not to be offered anything for a moment. */
  readonly avoid: (agentId: AgentId) => void;
}

export interface OfferSender {
  /** Sends a granted offer; returns at once. Correctness never depends on what becomes of it. */
  send(granted: GrantedLease): void;
  /** The agent's answer, by whichever way it came. */
  take(agentId: AgentId, answer: OfferAnswer): void;
  /** Pushes the open offers of the agents that this controller holds down their sessions again. */
  pushOpen(): Promise<void>;
}

/** How long NATS may take before the same offer goes down the agent's session. */
const UNANSWERED_MS = 250;

export function createOfferSender(deps: OfferDeps): OfferSender {
  const { bus, sessions } = deps;

  function take(agentId: AgentId, answer: OfferAnswer): void {
    if (answer.accepted) return;
    deps.avoid(agentId);
    const { attemptId, leaseId, declineReason: reason } = answer;
    declineOffer(deps, { attemptId, leaseId, agentId, reason }).then(
      (advanced) => {
        if (advanced !== undefined) deps.announcer.announce(advanced);
      },
      (error: unknown) => deps.logger.warn({ err: error, attemptId }, "a declined offer is left to expire"),
    );
  }

  async function ring(granted: GrantedLease): Promise<void> {
    const { agentId } = granted;
    const offer: Offer = { ...granted, expiresInMs: granted.offerMs };
    const answer = await bus?.request(offersTo(agentId), offer, { timeoutMs: UNANSWERED_MS });
    if (answer !== undefined && answer.attemptId === granted.attemptId) {
      take(agentId, answer);
      return;
    }
    deps.metrics.offerUnanswered.inc();
    if (!sessions.send(agentId, { kind: "offer", ...offer }))
      bus?.publish(hintsAbout(agentId), { agentId, kind: "offer", ...offer });
  }

  return {
    take,
    send(granted) {
      ring(granted).catch((error: unknown) => deps.logger.error({ err: error }, "an offer could not be sent"));
    },
    async pushOpen() {
      for (const offer of await findOpenOffers(deps.db, sessions.agentIds())) {
        const { attemptId, leftMs, no } = offer;
        sessions.send(asAgentId(offer.agentId), {
          kind: "offer",
          attemptId: attemptId satisfies AttemptId,
          leaseId: asLeaseId(offer.leaseId),
          fence: BigInt(offer.fence),
          jobId: asJobId(offer.jobId),
          attemptNo: no,
          expiresInMs: Math.max(0, Math.floor(leftMs)),
        });
      }
    },
  };
}

import { type AgentCertificateFacts, CertificateError, readAgentCertificate } from "@windrow/certificates";
import { type AgentId, asAgentId, Refusal } from "@windrow/model";
import type { Clock } from "@windrow/service";
import { type AgentIdentity, type Database, findAgentIdentities } from "@windrow/store";
import type { Authenticate, PeerCertificate } from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";
import { createBatcher } from "./batcher.ts";
import { createCallBudget } from "./call-budget.ts";

const KNOWN_FOR_MS = 10_000;
const KNOWN_MAX = 20_000;
/** A fleet that comes back asks for its agents together: one connection of the database is enough for it. */
const READ_TOGETHER_MAX = 256;
const READS_WAITING_MAX = 20_000;
/** A slot's job takes about five calls, and a machine ends some hundred trivial jobs a second. */
const CALLS = { perSecond: 2_000, burst: 4_000, what: "calls" } as const;

export const removedRefusal = (): Refusal =>
  new Refusal("not_allowed", "removed: this agent was taken off the farm", {
    hint: "join the machine again with a new join token",
  });

export const disabledRefusal = (reason: string | null): Refusal =>
  new Refusal("not_allowed", `disabled: ${reason ?? "an operator disabled this agent"}`, {
    hint: "an operator enables it again with `windrow agent resume`",
  });

/** Remembers which key is whose, briefly: an agent makes many calls. What ends an agent makes it forget. */
export interface AgentAuthenticator {
  readonly authenticate: Authenticate;
  /** The agent was removed, disabled or enabled. */
  forget(agentId: AgentId): void;
}

/** Judges each call by the certificate of its connection: its name, its key as registered, its end, and what became of the agent. */
export function createAgentAuthenticator(deps: {
  readonly db: Database;
  readonly watch: DatabaseWatch;
  readonly clock: Clock;
  /** PEM of the farm's authority. */
  readonly authority: string;
}): AgentAuthenticator {
  const { clock } = deps;
  const certificates = new Map<string, AgentCertificateFacts>();
  const known = new Map<string, { readonly publicKey: Buffer; readonly untilMs: number }>();
  const budget = createCallBudget(clock, CALLS);
  const identities = createBatcher<AgentId, { readonly agent: AgentIdentity | undefined }>({
    name: "the keys of agents",
    batchMax: READ_TOGETHER_MAX,
    queueMax: READS_WAITING_MAX,
    async runBatch(agentIds) {
      const rows = await deps.watch.watch(() => findAgentIdentities(deps.db, agentIds));
      const byId = new Map(rows.map((row) => [row.id, row]));
      return agentIds.map((agentId) => ({ agent: byId.get(agentId) }));
    },
  });

  function read({ raw, fingerprint }: PeerCertificate): AgentCertificateFacts {
    const found = certificates.get(fingerprint);
    if (found !== undefined) return found;
    try {
      const facts = readAgentCertificate(raw, deps.authority);
      if (certificates.size >= KNOWN_MAX) certificates.clear();
      certificates.set(fingerprint, facts);
      return facts;
    } catch (cause) {
      if (!(cause instanceof CertificateError)) throw cause;
      throw new Refusal("unauthenticated", cause.message, { cause });
    }
  }

  async function findKey(agentId: AgentId): Promise<Buffer | undefined> {
    const found = known.get(agentId);
    if (found !== undefined && found.untilMs > clock.monotonicMs()) return found.publicKey;
    known.delete(agentId);
    const { agent } = await identities.submit(agentId);
    if (agent === undefined || agent.publicKey === null) return undefined;
    if (agent.isRemoved) throw removedRefusal();
    if (agent.isDisabled) throw disabledRefusal(agent.disabledReason);
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(agentId, { publicKey: agent.publicKey, untilMs: clock.monotonicMs() + KNOWN_FOR_MS });
    return agent.publicKey;
  }

  return {
    async authenticate(peer) {
      const facts = read(peer);
      const agentId = asAgentId(facts.agentId);
      budget.spend(agentId);
      if (facts.expiresAtMs <= clock.nowMs()) {
        throw new Refusal(
          "unauthenticated",
          `expired: the agent's certificate ended ${new Date(facts.expiresAtMs).toISOString()}`,
          { hint: "the agent renews it by proof of its key" },
        );
      }
      const key = await findKey(agentId);
      if (key === undefined || !key.equals(facts.publicKey)) {
        throw new Refusal("unauthenticated", "this certificate is not the one of an agent of this farm", {
          hint: "join the agent again with a new join token",
        });
      }
      return { agentId };
    },
    forget: (agentId) => void known.delete(agentId),
  };
}

import { type AgentId, Refusal } from "@windrow/model";
import type { Clock } from "@windrow/service";
import { type Database, findAgentByCredential } from "@windrow/store";
import type { Authenticate } from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";
import { hashToken } from "./job-token.ts";

const KNOWN_FOR_MS = 10_000;
const KNOWN_MAX = 10_000;

/** Remembers whose credential it saw, briefly: an agent makes many calls, and every write is fenced anyway. */
export interface AgentAuthenticator {
  readonly authenticate: Authenticate;
  /** The agent was removed. */
  forget(agentId: AgentId): void;
}

export function createAgentAuthenticator(deps: {
  readonly db: Database;
  readonly watch: DatabaseWatch;
  readonly clock: Clock;
}): AgentAuthenticator {
  const known = new Map<string, { readonly agentId: AgentId; readonly untilMs: number }>();
  return {
    async authenticate(credential) {
      if (!credential.startsWith("wra_")) throw new Refusal("unauthenticated", "this is not an agent's credential");
      const hash = hashToken(credential);
      const key = hash.toString("base64");
      const found = known.get(key);
      if (found !== undefined && found.untilMs > deps.clock.monotonicMs()) return { agentId: found.agentId };
      const agentId = await deps.watch.watch(() => findAgentByCredential(deps.db, hash));
      if (agentId === undefined) {
        known.delete(key);
        throw new Refusal("unauthenticated", "this credential is unknown, or its agent was removed", {
          hint: "join the agent again with a new join token",
        });
      }
      if (known.size >= KNOWN_MAX) known.clear();
      known.set(key, { agentId, untilMs: deps.clock.monotonicMs() + KNOWN_FOR_MS });
      return { agentId };
    },
    forget(agentId) {
      for (const [key, entry] of known) if (entry.agentId === agentId) known.delete(key);
    },
  };
}

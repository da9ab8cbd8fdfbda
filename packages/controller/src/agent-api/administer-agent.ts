import { type AgentId, asAgentId, Refusal } from "@windrow/model";
import type { Logger } from "@windrow/service";
import {
  type AgentRow,
  type AuditEntry,
  type Database,
  drainAgent,
  enableAgent,
  findAgent,
  inTransaction,
  keepDrained,
  recordAudit,
  removeAgent,
} from "@windrow/store";
import { type Bus, drainsTo, hintsAbout } from "@windrow/wire";
import { type AgentAuthenticator, removedRefusal } from "./authenticate-agent.ts";
import type { SessionRegistry } from "./session-registry.ts";

export interface AgentAdminDeps {
  readonly db: Database;
  readonly bus: Bus | undefined;
  readonly logger: Logger;
  readonly sessions: SessionRegistry;
  readonly authenticator: AgentAuthenticator;
  /** Cuts the agent's own NATS user off. */
  readonly revokeNatsUser: (natsPublicKey: string) => Promise<void>;
  /** Takes the open attempts of removed agents away at once, instead of at the next sweep. */
  readonly endOrphanedAttempts: () => Promise<void>;
  readonly wakeDispatch: () => void;
}

/** Who changes it, for the audit trail. */
export type AgentChangeAuthor = Pick<AuditEntry, "actor" | "tokenId" | "ip">;

/** Takes an agent off the farm for good: no credential of it works any more, and its jobs go elsewhere. Throws `not_found`. */
export async function takeAgentOff(
  deps: AgentAdminDeps,
  request: { readonly agentId: string; readonly reason: string; readonly author: AgentChangeAuthor },
): Promise<void> {
  const { author, reason } = request;
  const agent = await require(deps, request.agentId);
  await inTransaction(deps.db, async (tx) => {
    if (!(await removeAgent(tx, { agentId: agent.id, reason }))) return;
    await recordAudit(tx, { ...author, action: "agent.remove", subject: subjectOf(agent), before: factsOf(agent) });
  });
  deps.authenticator.forget(agent.id);
  kick(deps, agent.id);
  await deps.endOrphanedAttempts();
  try {
    await deps.revokeNatsUser(agent.natsPublicKey);
  } catch (error) {
    // its NATS user can do no more than hear offers that are not made any more
    deps.logger.error({ err: error, agentId: agent.id }, "the removed agent's NATS user could not be revoked");
  }
}

function kick(deps: AgentAdminDeps, agentId: AgentId): void {
  deps.sessions.find(agentId)?.end(removedRefusal());
  deps.bus?.publish(hintsAbout(agentId), { agentId, kind: "kick", reason: "removed" });
}

/** Asks an agent to take nothing new, or to take work again, also when it was disabled. Throws `not_found`. */
export async function setAgentDraining(
  deps: AgentAdminDeps,
  request: {
    readonly agentId: string;
    readonly draining: boolean;
    readonly reason: string;
    readonly author: AgentChangeAuthor;
  },
): Promise<void> {
  const { draining, reason, author } = request;
  const agent = await require(deps, request.agentId);
  if (agent.state === "removed") throw notFound(request.agentId);
  const agentId = asAgentId(agent.id);
  const after = { reason };
  await inTransaction(deps.db, async (tx) => {
    const isKept = draining && (await keepDrained(tx, { agentId, reason }));
    if ((await drainAgent(tx, { agentId, draining, reason })) || isKept) {
      const action = draining ? "agent.drain" : "agent.resume";
      await recordAudit(tx, { ...author, action, subject: subjectOf(agent), after });
    }
    if (!draining && (await enableAgent(tx, { agentId, reason }))) {
      await recordAudit(tx, { ...author, action: "agent.enable", subject: subjectOf(agent), after });
    }
  });
  deps.authenticator.forget(agentId);
  const isHere = deps.sessions.send(agentId, { kind: "drain", draining });
  deps.bus?.publish(drainsTo(agentId), { draining });
  if (!isHere) deps.bus?.publish(hintsAbout(agentId), { agentId, kind: "drain", draining });
  if (!draining) deps.wakeDispatch();
}

async function require(deps: AgentAdminDeps, idOrName: string): Promise<AgentRow> {
  const agent = await findAgent(deps.db, idOrName);
  if (agent === undefined) throw notFound(idOrName);
  return agent;
}

const notFound = (idOrName: string): Refusal => new Refusal("not_found", `there is no agent ${idOrName}`);

const subjectOf = (agent: AgentRow): string => `agent:${agent.name}`;

function factsOf({ id, pool, state, hostname, version }: AgentRow) {
  return { id, pool, state, hostname, version };
}

import { type AgentId, asAgentId, Refusal } from "@windrow/model";
import type { Logger } from "@windrow/service";
import { type Database, drainAgent, findAgent, removeAgent } from "@windrow/store";
import { type Bus, drainsTo, hintsAbout } from "@windrow/wire";
import type { AgentAuthenticator } from "./authenticate-agent.ts";
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

/** Takes an agent off the farm for good: no credential of it works any more, and its jobs go elsewhere. Throws `not_found`. */
export async function takeAgentOff(
  deps: AgentAdminDeps,
  request: { readonly agentId: string; readonly reason: string },
): Promise<void> {
  const agent = await findAgent(deps.db, request.agentId);
  if (agent === undefined) throw new Refusal("not_found", `there is no agent ${request.agentId}`);
  await removeAgent(deps.db, { agentId: agent.id, reason: request.reason });
  deps.authenticator.forget(agent.id);
  await deps.endOrphanedAttempts();
  kick(deps, agent.id);
  try {
    await deps.revokeNatsUser(agent.natsPublicKey);
  } catch (error) {
    // its NATS user can do no more than hear offers that are not made any more
    deps.logger.error({ err: error, agentId: agent.id }, "the removed agent's NATS user could not be revoked");
  }
}

function kick(deps: AgentAdminDeps, agentId: AgentId): void {
  deps.sessions.find(agentId)?.end(new Refusal("not_allowed", "removed: this agent was taken off the farm"));
  deps.bus?.publish(hintsAbout(agentId), { agentId, kind: "kick", reason: "removed" });
}

/** Asks an agent to take nothing new, or to take work again. Throws `not_found`. */
export async function setAgentDraining(
  deps: AgentAdminDeps,
  request: { readonly agentId: string; readonly draining: boolean; readonly reason: string },
): Promise<void> {
  const { draining, reason } = request;
  const agent = await findAgent(deps.db, request.agentId);
  if (agent === undefined || agent.state === "removed")
    throw new Refusal("not_found", `there is no agent ${request.agentId}`);
  const agentId = asAgentId(agent.id);
  await drainAgent(deps.db, { agentId, draining, reason });
  const isHere = deps.sessions.send(agentId, { kind: "drain", draining });
  deps.bus?.publish(drainsTo(agentId), { draining });
  if (!isHere) deps.bus?.publish(hintsAbout(agentId), { agentId, kind: "drain", draining });
  if (!draining) deps.wakeDispatch();
}

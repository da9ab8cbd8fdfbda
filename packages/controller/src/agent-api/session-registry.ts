import type { AgentId } from "@windrow/model";
import type { ControllerMessage } from "@windrow/wire";

/** One open session of an agent with this controller. */
export interface OpenSession {
  readonly agentId: AgentId;
  readonly sessionNo: number;
  readonly send: (message: ControllerMessage) => void;
  /** Ends the call; with an error the agent learns why. */
  readonly end: (error?: Error) => void;
}

/** The agents connected to this controller. */
export interface SessionRegistry {
  /** Registers a session; an older one of the same agent is ended with `superseded`. */
  add(session: OpenSession, superseded: Error): void;
  /** Does nothing when a newer session took its place. */
  remove(session: OpenSession): void;
  /** True when the agent is connected here. */
  send(agentId: AgentId, message: ControllerMessage): boolean;
  find(agentId: AgentId): OpenSession | undefined;
  agentIds(): AgentId[];
  readonly openCount: number;
  /** Ends every session, with an error or politely. */
  endAll(error?: Error): void;
}

export function createSessionRegistry(): SessionRegistry {
  const open = new Map<AgentId, OpenSession>();
  return {
    add(session, superseded) {
      const older = open.get(session.agentId);
      open.set(session.agentId, session);
      older?.end(superseded);
    },
    remove(session) {
      if (open.get(session.agentId) === session) open.delete(session.agentId);
    },
    send(agentId, message) {
      const session = open.get(agentId);
      session?.send(message);
      return session !== undefined;
    },
    find: (agentId) => open.get(agentId),
    agentIds: () => [...open.keys()],
    get openCount() {
      return open.size;
    },
    endAll(error) {
      for (const session of [...open.values()]) session.end(error);
    },
  };
}

import { type AgentId, type AttemptId, Refusal } from "@windrow/model";
import {
  type AgentSessionFacts,
  appendEvents,
  type Database,
  inTransaction,
  lockAgentForSession,
  openSession,
} from "@windrow/store";
import { type Hello, LABELS_MAX, PROTOCOL_VERSION } from "@windrow/wire";

/** The controller speaks its own version of the protocol and the one before. */
const PROTOCOL_VERSION_MIN = Math.max(1, PROTOCOL_VERSION - 1);
const SLOTS_MAX = 1_000;

export interface OpenedAgentSession {
  readonly facts: AgentSessionFacts;
  readonly sessionNo: number;
  readonly ownAttemptIds: ReadonlySet<AttemptId>;
  readonly forgottenAttemptIds: readonly AttemptId[];
}

/**
 * Judges a Hello and makes this the agent's session. A newer process supersedes an older one at once; an earlier
 * process that comes back means that the credential was cloned. Throws `unsupported_version`, `not_allowed` (removed),
 * `conflict` (cloned), `invalid`.
 */
export async function openAgentSession(
  db: Database,
  request: { readonly agentId: AgentId; readonly hello: Hello; readonly controllerId: string },
): Promise<OpenedAgentSession> {
  const { agentId, hello, controllerId } = request;
  checkHello(hello);
  const opened = await inTransaction(db, async (tx) => {
    const facts = await lockAgentForSession(tx, agentId, hello.instanceId);
    if (facts === undefined || facts.state === "removed") throw new Refusal("not_allowed", "this agent was removed");
    if (facts.instance === "superseded") {
      // kept, so that an operator learns of it: the refusal itself must not undo it
      await appendEvents(tx, [
        { kind: "agent_cloned", agentId, data: { instance_id: hello.instanceId, hostname: hello.hostname } },
      ]);
      return { kind: "cloned" as const, facts };
    }
    const sessionNo = facts.sessionNo + 1;
    const session = await openSession(tx, {
      ...hello,
      agentId,
      isNewInstance: facts.instance === "new",
      sessionNo,
      controllerId,
      drainRequested: facts.drainRequested,
      version: hello.agentVersion,
    });
    return { kind: "opened" as const, facts, sessionNo, ...session };
  });
  if (opened.kind === "cloned") {
    throw new Refusal("conflict", `a newer process of agent ${opened.facts.name} took over`, {
      hint: "if this is another machine, its credential was copied: remove the agent and join both machines anew",
    });
  }
  return { ...opened, ownAttemptIds: new Set(opened.ownAttemptIds) };
}

function checkHello(hello: Hello): void {
  if (hello.protocolVersion < PROTOCOL_VERSION_MIN || hello.protocolVersion > PROTOCOL_VERSION) {
    throw new Refusal(
      "unsupported_version",
      `protocol version ${hello.protocolVersion} is not spoken here, only ${PROTOCOL_VERSION_MIN} to ${PROTOCOL_VERSION}`,
      { hint: "update the agent, or the controller" },
    );
  }
  if (hello.slots < 1 || hello.slots > SLOTS_MAX) throw new Refusal("invalid", `slots must be 1 to ${SLOTS_MAX}`);
  if (hello.labels.length > LABELS_MAX) throw new Refusal("invalid", `at most ${LABELS_MAX} labels`);
}

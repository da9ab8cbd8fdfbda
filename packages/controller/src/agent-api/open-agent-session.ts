import { isDeepStrictEqual } from "node:util";
import { type AgentId, type AttemptId, effectiveJobPolicy, JOB_POLICY_DEFAULT, Refusal } from "@windrow/model";
import {
  type AgentSessionFacts,
  appendEvents,
  type Database,
  disableAgent,
  inTransaction,
  lockAgentForSession,
  openSession,
  recordClash,
  type Tx,
} from "@windrow/store";
import { type Hello, LABELS_MAX, PROTOCOL_VERSION } from "@windrow/wire";
import { disabledRefusal, removedRefusal } from "./authenticate-agent.ts";

/** The controller speaks its own version of the protocol and the one before. */
const PROTOCOL_VERSION_MIN = Math.max(1, PROTOCOL_VERSION - 1);
/** Agents of earlier versions know nothing of what pools say about their jobs. */
export const POLICY_PROTOCOL_VERSION = 3;
const SLOTS_MAX = 1_000;
/** So many times within so long: two machines that take turns with one credential. */
const CLASHES_MAX = 3;
const CLASHES_WITHIN_MS = 60_000;

const UNKNOWN_POLICY =
  "its version knows nothing of how its pool wants jobs to run: upgrade it (windrow pool upgrade), or join it again";

export interface OpenedAgentSession {
  readonly facts: AgentSessionFacts;
  readonly sessionNo: number;
  readonly ownAttemptIds: ReadonlySet<AttemptId>;
  readonly forgottenAttemptIds: readonly AttemptId[];
  /** It took over from a process that is connected: a second one has the same credential. */
  readonly isClone: boolean;
}

export interface SessionRequest {
  readonly agentId: AgentId;
  readonly hello: Hello;
  readonly controllerId: string;
  /** Whether a session of this agent is open with this controller. */
  readonly isOpenHere: boolean;
  /** Told of a credential that two processes show at once. */
  readonly onClone: () => void;
}

/**
 * Judges a Hello and makes this the agent's session. A newer process supersedes an older one at once. That the older one
 * is connected still, or that an earlier process comes back, means that the credential was cloned; an agent whose clones
 * take turns is disabled. Throws `unsupported_version`, `not_allowed` (removed, disabled), `conflict` (an earlier process),
 * `invalid`.
 */
export async function openAgentSession(db: Database, request: SessionRequest): Promise<OpenedAgentSession> {
  const { agentId, hello, controllerId } = request;
  checkHello(hello);
  const opened = await inTransaction(db, async (tx) => {
    const facts = await lockAgentForSession(tx, agentId, hello.instanceId);
    if (facts === undefined || facts.state === "removed") throw removedRefusal();
    if (facts.isDisabled) throw disabledRefusal(facts.disabledReason);
    const isHeld = facts.heldBy === controllerId ? request.isOpenHere : facts.heldBy !== null;
    const isClone = facts.instance === "superseded" || (facts.instance === "new" && isHeld);
    // what is noted here is kept, so that an operator learns of it: a refusal must not undo it
    const disabledReason = isClone ? await noteClone(tx, request) : undefined;
    if (disabledReason !== undefined) return { kind: "disabled" as const, isClone, disabledReason };
    if (facts.instance === "superseded") return { kind: "cloned" as const, isClone, facts };
    const sessionNo = facts.sessionNo + 1;
    const policy = effectiveJobPolicy(facts.jobSettings, facts);
    const isPolicyUnknown =
      hello.protocolVersion < POLICY_PROTOCOL_VERSION && !isDeepStrictEqual(policy, JOB_POLICY_DEFAULT);
    const session = await openSession(tx, {
      ...hello,
      agentId,
      isNewInstance: facts.instance === "new",
      sessionNo,
      controllerId,
      drainRequested: facts.drainRequested,
      version: hello.agentVersion,
      ...(isPolicyUnknown && { unfitReason: UNKNOWN_POLICY }),
    });
    return { kind: "opened" as const, isClone, facts, sessionNo, ...session };
  });
  if (opened.isClone) request.onClone();
  if (opened.kind === "disabled") throw disabledRefusal(opened.disabledReason);
  if (opened.kind === "cloned") {
    throw new Refusal("conflict", `a newer process of agent ${opened.facts.name} took over`, {
      hint: "if this is another machine, its credential was copied: remove the agent and join both machines anew",
    });
  }
  return { ...opened, ownAttemptIds: new Set(opened.ownAttemptIds) };
}

/** Tells of a clone; the reason when it is one too many and the agent is disabled. */
async function noteClone(tx: Tx, { agentId, hello }: SessionRequest): Promise<string | undefined> {
  const { instanceId, hostname } = hello;
  await appendEvents(tx, [{ kind: "agent_cloned", agentId, data: { instance_id: instanceId, hostname } }]);
  const clashes = await recordClash(tx, { agentId, instanceId, withinMs: CLASHES_WITHIN_MS });
  if (clashes < CLASHES_MAX) return undefined;
  const reason = `its credential is used by several processes that take turns (${clashes} times within a minute)`;
  await disableAgent(tx, { agentId, reason });
  return reason;
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

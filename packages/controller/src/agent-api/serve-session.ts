import { type AgentId, effectiveJobPolicy, type JobPolicy, Refusal, reconnectWindowMs } from "@windrow/model";
import type { Clock, Logger } from "@windrow/service";
import { type Database, findAgent, leaveAgent, noteUnfitAgent, suspectAgent } from "@windrow/store";
import {
  type AgentCaller,
  type AgentHint,
  type AgentMessage,
  type Bus,
  type ControllerMessage,
  type Heartbeat,
  hintsAbout,
  type NatsKeys,
  type OfferAnswer,
  PROTOCOL_VERSION,
  type UpgradeProblem,
} from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";
import type { Metrics } from "../metrics.ts";
import type { Announcer } from "../runs/announcer.ts";
import { type EndDeps, loseAttempt } from "../runs/end-attempt-run.ts";
import { type AgentJwt, createAgentJwt } from "./agent-jwt.ts";
import { removedRefusal } from "./authenticate-agent.ts";
import { type CallBudget, createCallBudget } from "./call-budget.ts";
import { endReading } from "./end-reading.ts";
import type { PolicyKeeper } from "./keep-policies.ts";
import { type OpenedAgentSession, openAgentSession, POLICY_PROTOCOL_VERSION } from "./open-agent-session.ts";
import { createOpeningGate } from "./opening-gate.ts";
import type { RenewBatch } from "./renew-batch.ts";
import type { OpenSession, SessionRegistry } from "./session-registry.ts";

export interface SessionDeps extends EndDeps {
  readonly db: Database;
  readonly watch: DatabaseWatch;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly controllerId: string;
  readonly bus: Bus | undefined;
  readonly natsKeys: NatsKeys | undefined;
  readonly natsUrls: readonly string[];
  /** Host names and addresses of the farm's own servers. */
  readonly farmAddresses: () => readonly string[];
  readonly sessions: SessionRegistry;
  readonly policies: Pick<PolicyKeeper, "told" | "forget">;
  readonly renewals: RenewBatch;
  readonly announcer: Announcer;
  /** An agent of this pool has room: dispatch is to look. */
  readonly wakeDispatch: (pool: string) => void;
  readonly onOfferAnswer: (agentId: AgentId, answer: OfferAnswer) => void;
  readonly onUpgradeProblem: (agentId: AgentId, problem: UpgradeProblem) => void;
}

const HELLO_WITHIN_MS = 10_000;
const HEARTBEAT_EVERY_MS = 5_000;
/** Heartbeats of one session that wait for the database; more are dropped, the next one says the same. */
const HEARTBEATS_OPEN_MAX = 4;
/** Messages of one session: heartbeats, some at once when a job ends, and an answer for each offer. */
const MESSAGES = { perSecond: 500, burst: 1_000, what: "messages in a session" } as const;
/** Sessions of one agent: each takes a transaction. */
const SESSIONS = { perSecond: 5, burst: 50, what: "sessions" } as const;

/** Serves one agent process: hello, then heartbeats up; offers, cancels and drains down. */
export function createServeSession(deps: SessionDeps) {
  const openings = createCallBudget(deps.clock, SESSIONS);
  const gate = createOpeningGate();
  const messagesLeft = createCallBudget(deps.clock, MESSAGES);
  return async (
    caller: AgentCaller,
    messages: AsyncIterable<AgentMessage>,
    send: (message: ControllerMessage) => void,
    signal: AbortSignal,
  ): Promise<void> => {
    const { agentId } = caller;
    openings.spend(agentId);
    const iterator = messages[Symbol.asyncIterator]();
    const hello = await readHello(iterator, { clock: deps.clock, signal });
    const open = () =>
      openAgentSession(deps.db, {
        ...{ agentId, hello, controllerId: deps.controllerId },
        isOpenHere: deps.sessions.find(agentId) !== undefined,
        onClone() {
          deps.metrics.agentClones.inc();
          deps.logger.error({ agentId, hostname: hello.hostname }, "two processes show the credential of one agent");
        },
      });
    const opened = await gate.pass(() => deps.watch.watch(open), signal);
    let isGoodbye = false;
    const ended = Promise.withResolvers<void>();
    ended.promise.catch(() => undefined);
    const session: OpenSession = {
      agentId,
      sessionNo: opened.sessionNo,
      send,
      end: (error) => (error === undefined ? ended.resolve() : ended.reject(error)),
    };
    deps.sessions.add(session, superseded());
    deps.metrics.sessionsOpen.set(deps.sessions.agentIds().length);
    const hints = deps.bus?.subscribe(hintsAbout(agentId), (hint) => obeyHint(session, hint));
    try {
      tellOlderSession(deps, session);
      const jwt = createAgentJwt({
        keys: deps.natsKeys,
        clock: deps.clock,
        agentId,
        natsPublicKey: opened.facts.natsPublicKey,
      });
      const held = hello.held.map((lease) => lease.attemptId);
      send(await welcome(deps, { agentId, opened, jwt, held, protocolVersion: hello.protocolVersion }));
      const { pool } = opened.facts;
      // what an agent of the version before cannot do was decided with its hello
      if (hello.protocolVersion >= POLICY_PROTOCOL_VERSION) {
        deps.policies.told(agentId, { sessionNo: opened.sessionNo, pool, policy: policyOf(opened) });
      }
      void loseForgotten(deps, opened);
      deps.wakeDispatch(opened.facts.pool);
      const saidGoodbye = readMessages(deps, { iterator, session, jwt, messagesLeft }).then(() => true);
      isGoodbye = await Promise.race([saidGoodbye, ended.promise.then(() => false)]);
    } finally {
      hints?.close();
      deps.sessions.remove(session);
      if (deps.sessions.find(agentId) === undefined) deps.policies.forget(agentId);
      deps.metrics.sessionsOpen.set(deps.sessions.agentIds().length);
      const left = leave(deps, session, isGoodbye);
      // the agent waits for the end of the call: then its row says what it did
      if (isGoodbye) await left;
      endReading(iterator);
    }
  };
}

export const superseded = (): Refusal =>
  new Refusal("conflict", "superseded: a newer session of this agent was opened");

async function readHello(
  iterator: AsyncIterator<AgentMessage>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Extract<AgentMessage, { kind: "hello" }>> {
  const timeout = new AbortController();
  const late = clock.sleep(HELLO_WITHIN_MS, AbortSignal.any([timeout.signal, signal])).then(() => undefined);
  try {
    const first = await Promise.race([iterator.next(), late]);
    if (first === undefined || first.done === true || first.value.kind !== "hello") {
      throw new Refusal("invalid", "a session begins with a hello");
    }
    return first.value;
  } finally {
    timeout.abort();
  }
}

/** An older session of the same agent may be open with another controller. */
function tellOlderSession(deps: SessionDeps, { agentId, sessionNo }: OpenSession): void {
  deps.bus?.publish(hintsAbout(agentId), { agentId, kind: "kick", sessionNo: sessionNo - 1, reason: "superseded" });
}

function obeyHint(session: OpenSession, hint: AgentHint): void {
  if (hint.kind !== "kick") {
    const { agentId: _, ...message } = hint;
    session.send(message);
    return;
  }
  if (hint.reason === "removed") session.end(removedRefusal());
  else if (hint.sessionNo !== undefined && session.sessionNo <= hint.sessionNo) session.end(superseded());
}

async function welcome(
  deps: SessionDeps,
  of: {
    readonly agentId: AgentId;
    readonly opened: OpenedAgentSession;
    readonly jwt: AgentJwt;
    readonly held: readonly Heartbeat["held"][number]["attemptId"][];
    /** What the agent speaks: its own version, or the one before. */
    readonly protocolVersion: number;
  },
): Promise<ControllerMessage> {
  const { facts, sessionNo, ownAttemptIds } = of.opened;
  const natsJwt = await of.jwt.next();
  return {
    kind: "welcome",
    protocolVersion: Math.min(of.protocolVersion, PROTOCOL_VERSION),
    sessionNo,
    agentId: of.agentId,
    agentName: facts.name,
    pool: facts.pool,
    heartbeatEveryMs: Math.min(HEARTBEAT_EVERY_MS, Math.max(100, Math.floor(facts.suspectAfterMs / 3))),
    leaseTtlMs: facts.lostAfterMs,
    leaseMarginMs: facts.leaseMarginMs,
    orphanGraceMs: facts.orphanGraceMs,
    ...(natsJwt !== undefined && { natsJwt }),
    natsUrls: natsJwt === undefined ? [] : deps.natsUrls,
    revokedAttemptIds: of.held.filter((id) => !ownAttemptIds.has(id)),
    draining: facts.drainRequested,
    policy: policyOf(of.opened),
    farmAddresses: deps.farmAddresses(),
  };
}

const policyOf = ({ facts }: OpenedAgentSession): JobPolicy => effectiveJobPolicy(facts.jobSettings, facts);

/** A new process that does not know of an attempt cannot continue it: no use in waiting for its lease to run out. */
async function loseForgotten(deps: SessionDeps, { forgottenAttemptIds }: OpenedAgentSession): Promise<void> {
  for (const attemptId of forgottenAttemptIds) {
    try {
      const advanced = await loseAttempt(deps, attemptId, { how: "lose", reason: "agent_forgot", isDue: () => true });
      if (advanced !== undefined) deps.announcer.announce(advanced);
    } catch (error) {
      deps.logger.warn({ err: error, attemptId }, "a forgotten attempt is left to its lease");
    }
  }
}

async function readMessages(
  deps: SessionDeps,
  of: {
    readonly iterator: AsyncIterator<AgentMessage>;
    readonly session: OpenSession;
    readonly jwt: AgentJwt;
    readonly messagesLeft: CallBudget;
  },
): Promise<void> {
  const { session } = of;
  let openCount = 0;
  for (let next = await of.iterator.next(); next.done !== true; next = await of.iterator.next()) {
    const message = next.value;
    of.messagesLeft.spend(session.agentId);
    if (message.kind === "hello") throw new Refusal("invalid", "a session has one hello");
    if (message.kind === "offerAnswer") deps.onOfferAnswer(session.agentId, message);
    else if (message.kind === "upgradeProblem") deps.onUpgradeProblem(session.agentId, message);
    else if (message.kind === "unfit") void noteUnfit(message.problem);
    else if (openCount < HEARTBEATS_OPEN_MAX) {
      openCount++;
      void answer(message).finally(() => openCount--);
    }
  }

  async function noteUnfit(problem: string): Promise<void> {
    try {
      const { agentId, sessionNo } = session;
      if (problem !== "") deps.logger.warn({ agentId, problem }, "an agent cannot run jobs as its pool asks");
      const pool = await deps.watch.watch(() => noteUnfitAgent(deps.db, { agentId, sessionNo, problem }));
      if (problem === "" && pool !== undefined) deps.wakeDispatch(pool);
    } catch (error) {
      // the next session says it again
      session.end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async function answer(heartbeat: Heartbeat): Promise<void> {
    try {
      await answerHeartbeat(deps, { ...of, heartbeat });
    } catch (error) {
      session.end(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

async function answerHeartbeat(
  deps: SessionDeps,
  of: { readonly session: OpenSession; readonly jwt: AgentJwt; readonly heartbeat: Heartbeat },
): Promise<void> {
  const { session, heartbeat } = of;
  const { agentId, sessionNo } = session;
  const result = await deps.renewals.beat({ agentId, sessionNo, held: heartbeat.held });
  const leases = result.kind === "renewed" ? result.leases : [];
  const idsOf = (kind: "renewed" | "revoked") =>
    leases.filter((lease) => lease.kind === kind).map((lease) => lease.attemptId);
  const natsJwt = await of.jwt.next();
  if (idsOf("revoked").length > 0) deps.metrics.staleFence.inc(idsOf("revoked").length);
  session.send({
    kind: "heartbeatReply",
    heartbeatNo: heartbeat.heartbeatNo,
    renewedAttemptIds: idsOf("renewed"),
    revokedAttemptIds: idsOf("revoked"),
    reconnectWithinMs: reconnectWindowMs(deps.sessions.openCount),
    ...(natsJwt !== undefined && { natsJwt }),
  });
  for (const lease of leases.filter((one) => one.cancelRequested)) {
    const held = heartbeat.held.find((one) => one.attemptId === lease.attemptId);
    if (held !== undefined) session.send({ kind: "cancel", ...held, reason: lease.cancelReason ?? "cancelled" });
  }
  if (result.kind === "renewed" && !result.isCurrent) session.end(await whyNotCurrent(deps, session));
}

async function whyNotCurrent(deps: SessionDeps, { agentId }: OpenSession): Promise<Error | undefined> {
  const agent = await deps.watch.watch(() => findAgent(deps.db, agentId));
  if (agent === undefined || agent.state === "removed") return removedRefusal();
  // lost while it was silent: it says hello again; else a newer session is open elsewhere
  return agent.state === "lost" ? undefined : superseded();
}

/**
 * The connection is gone: the agent is suspect at once, unless another session took its place. One that said goodbye and
 * holds nothing will not come back soon.
 */
async function leave(deps: SessionDeps, { agentId, sessionNo }: OpenSession, isGoodbye: boolean): Promise<void> {
  try {
    if (isGoodbye && (await deps.watch.watch(() => leaveAgent(deps.db, { agentId, sessionNo })))) return;
    await deps.watch.watch(() => suspectAgent(deps.db, { agentId, sessionNo, reason: "connection_closed" }));
  } catch (error) {
    deps.logger.warn({ err: error, agentId }, "an agent that left is found suspect by its silence");
  }
}

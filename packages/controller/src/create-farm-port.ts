import { type AttemptId, asAgentId, asAttemptId, type StreamName } from "@windrow/model";
import { issueAgentNatsJwt, type NatsKeys } from "@windrow/wire";
import { type AgentAdminDeps, setAgentDraining, takeAgentOff } from "./agent-api/administer-agent.ts";
import { AGENT_JWT_SECONDS } from "./agent-api/agent-jwt.ts";
import type { RunChanges } from "./events/run-changes.ts";
import type { FarmPort } from "./http-api/farm-port.ts";
import { readLog } from "./logs/read-log.ts";
import { type TailDeps, tailLog } from "./logs/tail-log.ts";
import { type CancelDeps, requestCancel } from "./runs/cancel-run.ts";
import { rerunRun } from "./runs/rerun-run.ts";

export interface FarmPortDeps extends AgentAdminDeps, CancelDeps, TailDeps {
  readonly changes: RunChanges;
  readonly natsKeys: NatsKeys | undefined;
  readonly check: FarmPort["check"];
}

/** What the HTTP API asks of the rest of the controller. */
export function createFarmPort(deps: FarmPortDeps): FarmPort {
  return {
    cancel: (request) => requestCancel(deps, request),
    rerun: (request) => rerunRun(deps, request),
    drainAgent: (request) => setAgentDraining(deps, request),
    removeAgent: (request) => takeAgentOff(deps, request),
    async issueNatsJwt({ agentId, natsPublicKey }) {
      const { natsKeys: keys } = deps;
      if (keys === undefined) return "";
      return issueAgentNatsJwt({
        agentId: asAgentId(agentId),
        userPublicKey: natsPublicKey,
        agentSigningSeed: keys.agentSigningSeed,
        accountPublicKey: keys.accountPublicKey,
        ttlSeconds: AGENT_JWT_SECONDS,
        nowMs: deps.clock.nowMs(),
      });
    },
    waitForRunChange: (runId, signal) => deps.changes.wait(runId, signal),
    readLog: ({ attemptId, stream, from, to }) =>
      readLog(deps, {
        attemptId: asAttemptId(attemptId),
        stream: asStream(stream),
        fromOffset: from,
        ...(to !== undefined && { toOffset: to }),
      }),
    tailLog: ({ attemptId, stream, from, signal }) =>
      tailLog(deps, {
        target: { attemptId: asAttemptId(attemptId) satisfies AttemptId },
        ...(stream !== undefined && { stream: asStream(stream) }),
        from,
        signal,
      }),
    wakeDispatch: () => deps.wakeDispatch(),
    check: deps.check,
  };
}

/** No plan has this many steps, so it is the stream of a name that is none: without bytes. */
const NO_STREAM: StreamName = "999999";

function asStream(name: string): StreamName {
  if (name === "system") return name;
  return /^\d{1,6}$/.test(name) ? `${Number(name)}` : NO_STREAM;
}

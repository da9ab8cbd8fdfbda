import { asAgentId, asAttemptId, Refusal, type StreamName } from "@windrow/model";
import { issueAgentNatsJwt, isUserPublicKey, type NatsKeys } from "@windrow/wire";
import { AGENT_JWT_SECONDS } from "../agent-api/agent-jwt.ts";
import type { RunChanges } from "../events/run-changes.ts";
import { readLog } from "../logs/read-log.ts";
import { type TailDeps, tailLog } from "../logs/tail-log.ts";
import { type CancelDeps, requestCancel } from "../runs/cancel-run.ts";
import { rerunRun } from "../runs/rerun-run.ts";
import type { FarmPort } from "./farm-port.ts";

export interface FarmPortDeps {
  readonly runs: CancelDeps;
  readonly logs: TailDeps;
  readonly changes: Pick<RunChanges, "wait">;
  /** Undefined in a farm without NATS. */
  readonly natsKeys: NatsKeys | undefined;
  readonly drainAgent: FarmPort["drainAgent"];
  readonly removeAgent: FarmPort["removeAgent"];
  readonly check: FarmPort["check"];
}

/** The HTTP API's view of the rest of this controller. */
export function createFarmPort(deps: FarmPortDeps): FarmPort {
  const { runs, logs, changes, drainAgent, removeAgent, check } = deps;
  return {
    drainAgent,
    removeAgent,
    check,
    cancel: (request) => requestCancel(runs, request),
    rerun: (request) => rerunRun(runs, request),
    waitForRunChange: (runId, signal) => changes.wait(runId, signal),
    async issueNatsJwt({ agentId, natsPublicKey }) {
      if (!isUserPublicKey(natsPublicKey)) throw new Refusal("invalid", "nats_public_key is not a user's public key");
      if (deps.natsKeys === undefined) return "";
      return issueAgentNatsJwt({
        agentId: asAgentId(agentId),
        userPublicKey: natsPublicKey,
        agentSigningSeed: deps.natsKeys.agentSigningSeed,
        accountPublicKey: deps.natsKeys.accountPublicKey,
        ttlSeconds: AGENT_JWT_SECONDS,
        nowMs: logs.clock.nowMs(),
      });
    },
    readLog: ({ attemptId, stream, from, to }) =>
      readLog(logs, {
        attemptId: asAttemptId(attemptId),
        stream: asStreamName(stream),
        fromOffset: from,
        ...(to === undefined ? {} : { toOffset: to }),
      }),
    tailLog: ({ attemptId, stream, from, signal }) =>
      tailLog(logs, {
        target: { attemptId: asAttemptId(attemptId) },
        ...(stream === undefined ? {} : { stream: asStreamName(stream) }),
        from,
        signal,
      }),
  };
}

function asStreamName(text: string): StreamName {
  if (text === "system") return text;
  if (!/^[0-9]{1,6}$/.test(text)) throw new Refusal("invalid", `'${text}' is no log stream`);
  return `${Number(text)}`;
}

import { encodeScalingPolicy, type ScaleDecisionJson, type SimulatedJson, type WaitsJson } from "@windrow/contract";
import { type ScalingPolicy, type SimulationResult, summariseWaits, type WaitSummary } from "@windrow/model";
import type { RecordedHistory, ScaleDecisionRow } from "@windrow/store";

export function presentDecision({ at, ...row }: ScaleDecisionRow): ScaleDecisionJson {
  return { ...row, at: at.toISOString() };
}

export function presentWaits(waits: WaitSummary): WaitsJson {
  return {
    jobs_count: waits.jobsCount,
    p50_ms: waits.p50Ms,
    p95_ms: waits.p95Ms,
    p99_ms: waits.p99Ms,
    within_target_percent: waits.withinTargetPercent,
  };
}

export function presentSimulated(result: SimulationResult, policy: ScalingPolicy): SimulatedJson {
  return {
    scaling: encodeScalingPolicy(policy),
    waits: presentWaits(result.waits),
    agent_ms: result.agentMs,
    agents_max: result.agentsMax,
    agents_made: result.madeCount,
  };
}

/** What happened, measured by the target of the policy that is tried. */
export function presentRecorded(
  history: RecordedHistory,
  tried: ScalingPolicy,
  today: ScalingPolicy | null,
): SimulatedJson {
  const waitsMs = history.jobs.map((job) => Math.max(0, job.grantedAtMs - job.readyAtMs));
  return {
    scaling: today === null ? null : encodeScalingPolicy(today),
    waits: presentWaits(summariseWaits(waitsMs, tried.targetWaitMs)),
    agent_ms: history.agentMs,
    agents_max: history.agentsMax,
    agents_made: null,
  };
}

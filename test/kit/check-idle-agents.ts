/** What the check needs of a row of the events table; rows come in the order of time. */
export interface QueueEvent {
  readonly kind: string;
  readonly atMs: number;
  readonly job_id: number | null;
  readonly attempt_id: string | null;
  readonly agent_id: string | null;
  readonly data: unknown;
}

export interface QueueFacts {
  /** Labels that a job asks for. A job whose start hangs on more than labels (`max-parallel`, a group) is left out. */
  readonly jobs: ReadonlyMap<number, readonly string[]>;
  readonly agents: ReadonlyMap<string, { readonly labels: readonly string[]; readonly slots: number }>;
  /** The longest that a job may be queued beside an agent that could take it. */
  readonly besideMsMax: number;
}

interface Queued {
  /** It may not be granted before: a pause after a loss. */
  readonly fromMs: number;
  besideSinceMs: number | undefined;
}

const ATTEMPT_ENDS = ["finished", "lost", "revoked", "declined", "expired"].map((state) => `attempt_${state}`);
const AWAY = ["joining", "draining", "suspect", "lost", "removed"].map((state) => `agent_${state}`);

/**
 * I7, as far as events tell: no job is queued for longer than `besideMsMax` without a break while a ready agent with its
 * labels has a free slot. Whether a controller was there to see it, and whether the agent had reasons of its own to
 * decline, events do not tell: `besideMsMax` leaves room for both.
 */
export function checkIdleAgents(events: readonly QueueEvent[], facts: QueueFacts): string[] {
  const broken = new Map<number, string>();
  const ready = new Set<string>();
  const held = new Map<string, string>();
  const queued = new Map<number, Queued>();

  const hasRoomFor = (labels: readonly string[]): string | undefined =>
    [...ready].find((agentId) => {
      const agent = facts.agents.get(agentId);
      if (agent === undefined || !labels.every((label) => agent.labels.includes(label))) return false;
      return [...held.values()].filter((holder) => holder === agentId).length < agent.slots;
    });

  for (const event of events) {
    // what stood until now, before this event changes it
    for (const [jobId, job] of queued) {
      const beside = hasRoomFor(facts.jobs.get(jobId) ?? []);
      job.besideSinceMs = beside === undefined ? undefined : Math.max(job.besideSinceMs ?? job.fromMs, job.fromMs);
      if (beside === undefined || job.besideSinceMs === undefined) continue;
      const besideMs = event.atMs - job.besideSinceMs;
      if (besideMs > facts.besideMsMax && !broken.has(jobId))
        broken.set(jobId, `I7: job ${jobId} was queued for ${besideMs} ms beside the idle agent ${beside}`);
    }
    apply(event);
    // who has nobody beside it from now on begins anew when somebody comes
    for (const [jobId, job] of queued) {
      if (hasRoomFor(facts.jobs.get(jobId) ?? []) === undefined) job.besideSinceMs = undefined;
      else job.besideSinceMs ??= Math.max(event.atMs, job.fromMs);
    }
  }
  return [...broken.values()];

  function apply({ kind, atMs, job_id: jobId, attempt_id: attemptId, agent_id: agentId, data }: QueueEvent): void {
    if (agentId !== null && kind === "agent_ready") ready.add(agentId);
    if (agentId !== null && AWAY.includes(kind)) ready.delete(agentId);
    if (agentId !== null && attemptId !== null && kind === "attempt_offered") held.set(attemptId, agentId);
    if (attemptId !== null && ATTEMPT_ENDS.includes(kind)) held.delete(attemptId);
    if (jobId === null || !kind.startsWith("job_")) return;
    if (kind !== "job_queued") queued.delete(jobId);
    else if (facts.jobs.has(jobId)) queued.set(jobId, { fromMs: atMs + delayOf(data), besideSinceMs: undefined });
  }
}

function delayOf(data: unknown): number {
  const delayMs: unknown = typeof data === "object" && data !== null && "delayMs" in data ? data.delayMs : 0;
  return typeof delayMs === "number" ? delayMs : 0;
}

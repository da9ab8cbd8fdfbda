/** What the check needs of a row of the events table; rows come in the order (transaction, id). */
export interface HistoryEvent {
  readonly kind: string;
  readonly run_id: number | null;
  readonly job_id: number | null;
  readonly attempt_id: string | null;
  readonly data: unknown;
}

const ATTEMPT_ENDS = ["finished", "lost", "revoked", "declined", "expired"].map((state) => `attempt_${state}`);

/**
 * I2: nothing happens to a job, a step or an attempt after its end, and to a run only a rerun. I3: an attempt that ended
 * writes nothing more, whatever its agent still says.
 */
export function checkTerminalStates(events: readonly HistoryEvent[]): string[] {
  const broken: string[] = [];
  const ended = new Map<string, string>();
  for (const event of events) {
    for (const { thing, isOver } of thingsOf(event)) {
      const end = ended.get(thing);
      if (end !== undefined) {
        const invariant = event.kind.startsWith("step_") ? "I3" : "I2";
        broken.push(`${invariant}: ${thing} had ${event.kind} after ${end}`);
      }
      if (isOver) ended.set(thing, event.kind);
    }
    if (event.kind === "run_running") ended.delete(`run ${event.run_id}`);
  }
  return broken;
}

interface Thing {
  readonly thing: string;
  /** The event is the thing's end. */
  readonly isOver: boolean;
}

function thingsOf(event: HistoryEvent): Thing[] {
  const { kind } = event;
  if (kind.startsWith("attempt_"))
    return [{ thing: `attempt ${event.attempt_id}`, isOver: ATTEMPT_ENDS.includes(kind) }];
  if (kind.startsWith("step_")) {
    const stepNo = String(Reflect.get(Object(event.data), "step_no"));
    return [
      { thing: `attempt ${event.attempt_id}`, isOver: false },
      { thing: `step ${stepNo} of attempt ${event.attempt_id}`, isOver: kind === "step_finished" },
    ];
  }
  if (kind.startsWith("job_")) return [{ thing: `job ${event.job_id}`, isOver: kind === "job_finished" }];
  if (kind.startsWith("run_") && kind !== "run_running")
    return [{ thing: `run ${event.run_id}`, isOver: kind === "run_finished" }];
  return [];
}

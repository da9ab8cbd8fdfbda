/** What the check needs of an attempt: how it ended, and how many of its steps began. */
export interface Execution {
  readonly no: number;
  readonly state: string;
  readonly reason: string | null;
  readonly isStarted: boolean;
  readonly stepsBegunCount: number;
}

/**
 * I5 by the farm's own word, for jobs that left no marker: steps began in at most one attempt more than were lost or
 * given back, in none that was never started, and a job that succeeded has one accepted result.
 */
export function checkExecutions(
  job: { readonly id: number; readonly outcome: string | null; readonly isCopied: boolean },
  attempts: readonly Execution[],
): string[] {
  const broken: string[] = [];
  const ran = attempts.filter((attempt) => attempt.stepsBegunCount > 0);
  const repeatable = attempts.filter(
    (attempt) => attempt.isStarted && (attempt.state !== "finished" || attempt.reason === "agent_stopping"),
  );
  if (ran.length > 1 + repeatable.length) {
    broken.push(`I5: steps of job ${job.id} began in ${ran.length} attempts, with ${repeatable.length} lost ones`);
  }
  for (const { no, isStarted } of ran) {
    if (!isStarted) broken.push(`I5: steps of job ${job.id} began in attempt ${no}, which was never started`);
  }
  const finishes = attempts.filter((attempt) => attempt.state === "finished" && attempt.reason !== "agent_stopping");
  if (job.outcome === "succeeded" && !job.isCopied && finishes.length !== 1) {
    broken.push(`I5: job ${job.id} succeeded with ${finishes.length} accepted results`);
  }
  return broken;
}

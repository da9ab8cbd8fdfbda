import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isAttemptOpen } from "@windrow/model";
import { attemptsInJournal, leftFolders, leftMounts, leftProcesses } from "./agent-traces.ts";
import { checkExecutions } from "./check-executions.ts";
import { checkIdleAgents } from "./check-idle-agents.ts";
import { checkTerminalStates } from "./check-terminal-states.ts";
import type { Farm } from "./farm.ts";
import { waitFor } from "./wait-for.ts";

export interface HistoryOptions {
  /** Lines `jobId attemptNo` that the jobs themselves appended when they began: the truth from outside the farm. */
  readonly markers?: readonly { readonly jobId: number; readonly attemptNo: number }[];
  /** Set when the test left agents away on purpose, so that queued jobs may stay queued. */
  readonly jobsMayStayQueued?: boolean;
  /** How long a job may have been queued beside an idle agent; longer where no controller was there for a while. */
  readonly besideIdleMsMax?: number;
}

/** An offer that nobody answers, a dispatcher's term that runs out, and a tick. */
const BESIDE_IDLE_MS_MAX = 12_000;

/** From the request to the end of the job: the longest grace of its processes (10 s), and 5 s. */
const CANCEL_MS_MAX = 15_000;

/**
 * Reads the whole history of a farm at rest and returns every broken invariant (I1–I10) in a sentence each; an empty
 * list is the only good answer. Waits first until nothing is open, since that is what "at rest" means.
 */
export async function checkHistory(farm: Farm, options: HistoryOptions = {}): Promise<string[]> {
  const broken: string[] = [];
  if (!options.jobsMayStayQueued) await waitUntilAtRest(farm);
  const attempts = await farm.db.selectFrom("attempts").selectAll().orderBy("fence").execute();
  const jobs = await farm.db.selectFrom("jobs").selectAll().orderBy("id").execute();
  const events = await farm.db.selectFrom("events").selectAll().orderBy("xid").orderBy("id").execute();
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.job_id);

  for (const job of jobs) {
    const own = (attemptsOf.get(job.id) ?? []).sort((a, b) => a.no - b.no);
    const open = own.filter((attempt) => isAttemptOpen(attempt.state));
    if (open.length > 1) broken.push(`I1: job ${job.id} has ${open.length} open attempts`);
    for (const [index, attempt] of own.entries()) {
      const before = own[index - 1];
      if (attempt.no !== index + 1) broken.push(`I1: job ${job.id} has attempt ${attempt.no} at place ${index + 1}`);
      if (before === undefined) continue;
      if (before.fence >= attempt.fence)
        broken.push(`I3: fence of job ${job.id} did not grow at attempt ${attempt.no}`);
      if (before.finished_at === null || before.finished_at > attempt.offered_at) {
        broken.push(`I1: attempt ${attempt.no} of job ${job.id} was offered before attempt ${before.no} had ended`);
      }
    }
    const finishes = own.filter((attempt) => attempt.state === "finished" && attempt.reason !== "agent_stopping");
    if (finishes.length > 1) broken.push(`I4: job ${job.id} has ${finishes.length} accepted results`);
    const finishedEvents = events.filter((event) => event.kind === "job_finished" && event.job_id === job.id);
    const expected = job.state === "finished" ? 1 : 0;
    if (finishedEvents.length !== expected) {
      broken.push(`I4: job ${job.id} is ${job.state} and has ${finishedEvents.length} job_finished events`);
    }
    const ended = own.at(-1)?.finished_at;
    if (
      job.cancel_requested_at !== null &&
      ended &&
      ended.getTime() - job.cancel_requested_at.getTime() > CANCEL_MS_MAX
    )
      broken.push(`I10: job ${job.id} ended later than ${CANCEL_MS_MAX} ms after it was to be cancelled`);
  }
  broken.push(...checkTerminalStates(events));
  // a call is executed by its inner jobs
  const executed = jobs.filter((job) => job.kind === "ordinary");
  broken.push(...(await checkEveryExecution(farm, executed, attempts)));
  broken.push(...(await checkQueue(farm, jobs, options.besideIdleMsMax ?? BESIDE_IDLE_MS_MAX)));

  for (const [jobId, marks] of Map.groupBy(options.markers ?? [], (mark) => mark.jobId)) {
    const own = attemptsOf.get(jobId) ?? [];
    const lost = own.filter((attempt) => attempt.started_at !== null && attempt.state !== "finished").length;
    const stopped = own.filter((attempt) => attempt.reason === "agent_stopping").length;
    const seen = new Set(marks.map((mark) => mark.attemptNo));
    if (seen.size !== marks.length) broken.push(`I5: an attempt of job ${jobId} ran twice: ${JSON.stringify(marks)}`);
    if (marks.length > 1 + lost + stopped) {
      broken.push(`I5: job ${jobId} ran ${marks.length} times, with ${lost + stopped} lost attempts`);
    }
    for (const mark of marks) {
      const isStarted = own.some((attempt) => attempt.no === mark.attemptNo && attempt.started_at !== null);
      if (!isStarted) broken.push(`I5: job ${jobId} ran in attempt ${mark.attemptNo}, which was never started`);
    }
  }

  for (const attempt of attempts) {
    if (attempt.state === "finished" || attempt.state === "lost") broken.push(...(await checkLog(farm, attempt)));
  }

  if (!options.jobsMayStayQueued) {
    for (const job of jobs)
      if (job.state !== "finished") broken.push(`I7: job ${job.id} (${job.key}) is still ${job.state}`);
    for (const attempt of attempts) {
      if (isAttemptOpen(attempt.state)) broken.push(`I8: attempt ${attempt.id} is still ${attempt.state}`);
    }
    for (const agent of farm.agents) {
      for (const id of attemptsInJournal(agent)) broken.push(`I8: ${agent.name} still holds attempt ${id}`);
    }
    const attemptIds = attempts.map((attempt) => attempt.id);
    for (const pid of leftProcesses(farm.agents, attemptIds)) broken.push(`I9: process ${pid} of a job is still there`);
    for (const dir of leftFolders(farm.agents)) broken.push(`I9: folder ${dir} of an ended attempt is still there`);
    for (const mount of leftMounts(farm.agents)) broken.push(`I9: ${mount} is still mounted`);
  }
  for (const attempt of attempts) {
    if (attempt.outcome === "cancelled" && attempt.receipt === null) {
      broken.push(`I10: attempt ${attempt.id} was cancelled without a receipt`);
    }
    if (attempt.receipt === null) continue;
    const { leftCount, tookMs } = attempt.receipt;
    if (leftCount > 0) broken.push(`I10: attempt ${attempt.id} left ${leftCount} processes`);
    if (tookMs > CANCEL_MS_MAX) broken.push(`I10: it took ${tookMs} ms to end the processes of attempt ${attempt.id}`);
  }
  return broken;
}

/** I5 for every job, marked or not. */
async function checkEveryExecution(
  farm: Farm,
  jobs: readonly { readonly id: number; readonly outcome: string | null; readonly copied_from: number | null }[],
  attempts: readonly {
    readonly id: string;
    readonly job_id: number;
    readonly no: number;
    readonly state: string;
    readonly reason: string | null;
    readonly started_at: Date | null;
  }[],
): Promise<string[]> {
  const steps = await farm.db.selectFrom("steps").select(["attempt_id", "started_at", "outcome"]).execute();
  const begun = steps.filter((step) => step.started_at !== null && step.outcome !== "skipped");
  const begunOf = Map.groupBy(begun, (step) => step.attempt_id);
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.job_id);
  return jobs.flatMap((job) => {
    const own = (attemptsOf.get(job.id) ?? []).map((attempt) => ({
      ...attempt,
      isStarted: attempt.started_at !== null,
      stepsBegunCount: begunOf.get(attempt.id)?.length ?? 0,
    }));
    return checkExecutions({ ...job, isCopied: job.copied_from !== null }, own);
  });
}

/** I7 over the whole history, for jobs that need nothing but an agent. */
async function checkQueue(
  farm: Farm,
  jobs: readonly { readonly id: number; readonly label_set_id: number | null; readonly max_parallel: number | null }[],
  besideMsMax: number,
): Promise<string[]> {
  const events = await farm.db.selectFrom("events").selectAll().orderBy("at").orderBy("id").execute();
  const sets = await farm.db.selectFrom("label_sets").selectAll().execute();
  const agents = await farm.db.selectFrom("agents").select(["id", "labels", "slots"]).execute();
  const labelsOf = new Map(sets.map((set) => [set.id, set.labels]));
  const free = jobs.filter((job) => job.max_parallel === null && job.label_set_id !== null);
  return checkIdleAgents(
    events.map((event) => ({ ...event, atMs: event.at.getTime() })),
    {
      jobs: new Map(free.map((job) => [job.id, labelsOf.get(job.label_set_id ?? 0) ?? []])),
      agents: new Map(agents.map((agent) => [agent.id, agent])),
      besideMsMax,
    },
  );
}

/**
 * I6: the pieces of each stream join without a gap, and a sealed stream has the length and hash that the agent computed
 * of what it shipped. Whether that is what the step wrote only the test knows, which compares the bytes.
 */
async function checkLog(
  farm: Farm,
  attempt: { readonly id: string; readonly state: string; readonly finished_at: Date | null },
): Promise<string[]> {
  const { id: attemptId, state } = attempt;
  const broken: string[] = [];
  const streams = await farm.db.selectFrom("log_streams").selectAll().where("attempt_id", "=", attemptId).execute();
  for (const stream of streams) {
    const name = `stream ${stream.stream} of attempt ${attemptId}`;
    const segments = await farm.db
      .selectFrom("log_segments")
      .selectAll()
      .where("attempt_id", "=", attemptId)
      .where("stream", "=", stream.stream)
      .orderBy("start_offset")
      .execute();
    const hash = createHash("sha256");
    let offset = 0;
    for (const segment of segments) {
      if (segment.start_offset !== offset) broken.push(`I6: ${name} has a gap at ${offset}`);
      if (attempt.finished_at !== null && segment.created_at > attempt.finished_at) {
        broken.push(`I3: ${name} grew after its attempt had ended`);
      }
      const bytes = readFileSync(join(farm.dir, "data", "blobs", segment.blob_key));
      if (bytes.length !== segment.length_bytes) broken.push(`I6: ${name}: a segment has ${bytes.length} bytes`);
      hash.update(bytes);
      offset += segment.length_bytes;
    }
    if (offset !== stream.length_bytes) broken.push(`I6: ${name} has ${offset} of ${stream.length_bytes} bytes`);
    if (state === "finished" && stream.sealed_at === null) broken.push(`I6: ${name} is not sealed`);
    if (stream.sha256 !== null && hash.digest("hex") !== stream.sha256) broken.push(`I6: ${name} has another hash`);
  }
  return broken;
}

async function waitUntilAtRest(farm: Farm): Promise<void> {
  const open = () =>
    farm.db.selectFrom("jobs").select(["id", "state", "reason"]).where("state", "<>", "finished").execute();
  await waitFor("every job to be finished", async () => (await open()).length === 0, {
    withinMs: 60_000,
    describe: open,
  });
  // the last process and folder of an attempt may go a moment after its result was accepted (I9: within 15 s)
  const ids = (await farm.db.selectFrom("attempts").select("id").execute()).map((attempt) => attempt.id);
  const left = () => [
    ...leftFolders(farm.agents),
    ...leftProcesses(farm.agents, ids),
    ...farm.agents.flatMap((agent) => attemptsInJournal(agent)),
  ];
  await waitFor("every trace of the attempts to be gone", () => left().length === 0, {
    withinMs: 15_000,
    describe: left,
  });
}

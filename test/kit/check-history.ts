import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isAttemptOpen } from "@windrow/model";
import type { Farm } from "./farm.ts";
import { waitFor } from "./wait-for.ts";

export interface HistoryOptions {
  /** Lines `jobId attemptNo` that the jobs themselves appended when they began: the truth from outside the farm. */
  readonly markers?: readonly { readonly jobId: number; readonly attemptNo: number }[];
  /** Set when the test left agents away on purpose, so that queued jobs may stay queued. */
  readonly jobsMayStayQueued?: boolean;
}

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
    const lastFinish = finishedEvents.at(-1);
    if (lastFinish !== undefined) {
      const later = events.filter(
        (event) =>
          event.job_id === job.id &&
          event.kind.startsWith("job_") &&
          isAfter(event, lastFinish) &&
          event !== lastFinish,
      );
      for (const event of later) broken.push(`I2: job ${job.id} had ${event.kind} after it was finished`);
    }
  }

  for (const [jobId, marks] of Map.groupBy(options.markers ?? [], (mark) => mark.jobId)) {
    const own = attemptsOf.get(jobId) ?? [];
    const lost = own.filter((attempt) => attempt.started_at !== null && attempt.state !== "finished").length;
    const stopped = own.filter((attempt) => attempt.reason === "agent_stopping").length;
    const seen = new Set(marks.map((mark) => mark.attemptNo));
    if (seen.size !== marks.length) broken.push(`I5: an attempt of job ${jobId} ran twice: ${JSON.stringify(marks)}`);
    if (marks.length > 1 + lost + stopped) {
      broken.push(`I5: job ${jobId} ran ${marks.length} times, with ${lost + stopped} lost attempts`);
    }
  }

  for (const attempt of attempts) {
    if (attempt.state === "finished" || attempt.state === "lost")
      broken.push(...(await checkLog(farm, attempt.id, attempt.state)));
  }

  if (!options.jobsMayStayQueued) {
    for (const job of jobs)
      if (job.state !== "finished") broken.push(`I7: job ${job.id} (${job.key}) is still ${job.state}`);
    for (const attempt of attempts) {
      if (isAttemptOpen(attempt.state)) broken.push(`I8: attempt ${attempt.id} is still ${attempt.state}`);
    }
    for (const pid of leftProcesses(attempts.map((attempt) => attempt.id))) {
      broken.push(`I9: process ${pid} of an ended attempt is still there`);
    }
    for (const dir of leftWorkFolders(farm)) broken.push(`I9: folder ${dir} of an ended attempt is still there`);
  }
  for (const attempt of attempts) {
    if (attempt.receipt !== null && attempt.receipt.leftCount > 0) {
      broken.push(`I10: attempt ${attempt.id} left ${attempt.receipt.leftCount} processes`);
    }
  }
  return broken;
}

function isAfter(one: { xid: string; id: number }, other: { xid: string; id: number }): boolean {
  const order = BigInt(one.xid) - BigInt(other.xid);
  return order > 0n || (order === 0n && one.id > other.id);
}

/** I6: the pieces of each stream join without a gap, and a sealed stream has the length and hash that were accepted. */
async function checkLog(farm: Farm, attemptId: string, state: string): Promise<string[]> {
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

/** Processes whose environment names one of these attempts. */
function leftProcesses(attemptIds: readonly string[]): number[] {
  const ids = new Set(attemptIds);
  const found: number[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const environ = readIfThere(`/proc/${entry}/environ`);
    const id = environ?.match(/(?:^|\0)WINDROW_ATTEMPT_ID=([0-9a-f-]{36})/)?.[1];
    if (id !== undefined && ids.has(id)) found.push(Number(entry));
  }
  return found;
}

function leftWorkFolders(farm: Farm): string[] {
  return farm.agents.flatMap((agent) => {
    const work = join(agent.dir, "work");
    return listIfThere(work).map((name) => join(work, name));
  });
}

const GONE = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM"]);

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && GONE.has(String(error.code))) return undefined;
    throw error;
  }
}

function listIfThere(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

async function waitUntilAtRest(farm: Farm): Promise<void> {
  const open = () =>
    farm.db.selectFrom("jobs").select(["id", "state", "reason"]).where("state", "<>", "finished").execute();
  await waitFor("every job to be finished", async () => (await open()).length === 0, {
    withinMs: 60_000,
    describe: open,
  });
  // the last process and folder of an attempt may go a moment after its result was accepted
  await waitFor("work folders to be gone", () => leftWorkFolders(farm).length === 0, {
    withinMs: 15_000,
    describe: () => leftWorkFolders(farm),
  });
}

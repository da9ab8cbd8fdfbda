import { CliError, usageError } from "../cli-error.ts";
import type { OpenedFarm } from "../commands/open-farm.ts";
import { EXIT } from "../exit-codes.ts";
import { chooseJobs, parseId } from "../run/find-run.ts";

/**
 * `345` → that job; `12/build` → the jobs of run 12 with that name or key; `#12` → every job of run 12. A number that is
 * no job but a run means the run, too. Errors: CliError `usage` or `not_found`.
 */
export async function findJobIds(farm: OpenedFarm, text: string): Promise<readonly number[]> {
  const ofRun = /^#?(\d{1,16})\/(.+)$/.exec(text);
  if (ofRun !== null) {
    const [, runText = "", wanted = ""] = ofRun;
    const jobs = await readRunJobs(farm, parseId(runText, "run"));
    return chooseJobs(jobs, wanted).map((job) => job.id);
  }
  if (text.startsWith("#")) return (await readRunJobs(farm, parseId(text, "run"))).map((job) => job.id);
  if (!/^\d{1,16}$/.test(text)) {
    throw usageError(
      `${JSON.stringify(text)} names no job`,
      "Say a job's id (345), a run and a job of it (12/build), or a run (#12); `windrow queue list` shows them",
    );
  }
  const id = parseId(text, "job");
  try {
    await farm.api.call("viewJob", { params: { job_id: id } });
    return [id];
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== EXIT.notFound) throw error;
    const jobs = await readRunJobs(farm, id).catch(() => undefined);
    if (jobs === undefined) throw error;
    return jobs.map((job) => job.id);
  }
}

/** The same where one job alone can be meant. */
export async function findOneJobId(farm: OpenedFarm, text: string): Promise<number> {
  const [first, ...others] = await findJobIds(farm, text);
  if (first !== undefined && others.length === 0) return first;
  throw usageError(
    `${JSON.stringify(text)} means ${others.length + 1} jobs`,
    `Say which: ${[first, ...others].slice(0, 10).join(", ")}`,
  );
}

async function readRunJobs(farm: OpenedFarm, runId: number) {
  const { answer } = await farm.api.call("viewRun", { params: { run_id: runId } });
  return answer.jobs;
}

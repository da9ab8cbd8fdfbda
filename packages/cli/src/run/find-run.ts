import type { JobSummary } from "@windrow/contract";
import { CliError, usageError } from "../cli-error.ts";
import type { OpenedFarm } from "../commands/open-farm.ts";
import { EXIT } from "../exit-codes.ts";
import { suggest } from "../output/suggest.ts";

/** `12`, `#12` or `latest` → a run's id. Errors: CliError `usage` or `not_found`. */
export async function findRunId(farm: OpenedFarm, text: string): Promise<number> {
  if (text === "latest") {
    const repository = await farm.findRepository();
    const { answer } = await farm.api.call("listRuns", {
      query: { limit: 1, ...(repository === undefined ? {} : { repository }) },
    });
    const [run] = answer.items;
    if (run !== undefined) return run.id;
    throw new CliError(`there is no run${repository === undefined ? "" : ` of ${repository}`} yet`, {
      code: "not_found",
      exitCode: EXIT.notFound,
      hint: "Push a commit, or build your working tree as it is with: windrow try",
    });
  }
  return parseId(text, "run");
}

/** `12` or `#12` → 12. Errors: CliError `usage`. */
export function parseId(text: string, noun: string): number {
  const digits = /^#?(\d{1,16})$/.exec(text)?.[1];
  const id = digits === undefined ? 0 : Number(digits);
  if (id < 1 || id > Number.MAX_SAFE_INTEGER) {
    throw usageError(
      `${JSON.stringify(text)} is not the id of a ${noun}`,
      "An id is a number, as `windrow run list` shows it; or say `latest`",
    );
  }
  return id;
}

/** The jobs meant by `--job`: by name, by key in the workflow (all of a matrix), or by id. Errors: CliError `not_found`. */
export function chooseJobs<J extends Pick<JobSummary, "id" | "name" | "key">>(jobs: readonly J[], wanted: string): J[] {
  const byName = jobs.filter((job) => job.name === wanted);
  const found =
    byName.length > 0 ? byName : jobs.filter((job) => job.key === wanted || `${job.id}` === wanted.replace(/^#/, ""));
  if (found.length > 0) return found;
  const near = suggest(
    wanted,
    jobs.flatMap((job) => [job.name, job.key]),
  );
  throw new CliError(`the run has no job ${JSON.stringify(wanted)}`, {
    code: "not_found",
    exitCode: EXIT.notFound,
    hint:
      near === undefined
        ? `Its jobs: ${jobs.map((job) => job.name).join(", ") || "none"}`
        : `Did you mean ${JSON.stringify(near)}?`,
  });
}

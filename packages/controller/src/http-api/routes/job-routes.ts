import { Refusal } from "@windrow/model";
import type { ApiDeps } from "../api-deps.ts";
import { readJobs } from "../present/read-jobs.ts";
import { actorOf } from "../principal.ts";
import type { RouteHandlers } from "../route-handler.ts";
import { requireJob } from "./require-reach.ts";

export function createJobRoutes({ db, farm, links }: ApiDeps): Pick<RouteHandlers, "viewJob" | "cancelJob"> {
  return {
    async viewJob({ params, principal }) {
      await requireJob(db, params.job_id, principal);
      return read(params.job_id);
    },
    async cancelJob({ params, body, principal }) {
      const job = await requireJob(db, params.job_id, principal);
      const by = actorOf(principal);
      await farm.cancel({ target: { jobId: job.id }, by, reason: body.reason ?? `cancelled by ${by}` });
      return read(job.id);
    },
  };

  async function read(jobId: number) {
    const [job] = await readJobs(db, [jobId], links, { withSummaries: true });
    if (job === undefined) throw new Refusal("not_found", `there is no job ${jobId}`);
    return job;
  }
}

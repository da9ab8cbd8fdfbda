import { listRunJobs, listRuns } from "@windrow/store";
import type { FastifyInstance } from "fastify";
import * as z from "zod";
import type { ApiDeps } from "../http-api/api-deps.ts";
import { requirePrincipal } from "../http-api/guard.ts";
import { readJobs } from "../http-api/present/read-jobs.ts";
import { findAttemptNo } from "../http-api/routes/log-routes.ts";
import { ownerScope, requireJob, requireRun } from "../http-api/routes/require-reach.ts";
import { PAGE_HEADERS } from "./layout.ts";
import { showLines } from "./log-lines.ts";
import { LOG_WINDOW_BYTES, type LogWindow, logPage } from "./log-page.ts";
import { runPage } from "./run-page.ts";
import { runsPage } from "./runs-page.ts";

const RUNS_SHOWN = 50;
const id = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const runParams = z.object({ run_id: id });
const jobParams = z.object({ run_id: id, job_id: id });
const logQuery = z.object({
  stream: z
    .string()
    .regex(/^(system|[0-9]{1,6})$/)
    .optional(),
  attempt: id.optional(),
  from: z.coerce.number().int().min(0).optional(),
});

/** Plain pages, rendered here, which need nothing of the browser but HTML. */
export function registerPages(app: FastifyInstance, deps: ApiDeps): void {
  const config = { permission: "run:read", isPage: true } as const;

  app.get("/", { config, schema: { hide: true } }, async (request, reply) => {
    const runs = await listRuns(deps.db, { owner: ownerScope(requirePrincipal(request)), limit: RUNS_SHOWN });
    const text = runsPage(runs, { publicUrl: deps.links.publicUrl(), nowMs: deps.clock.nowMs() });
    return reply.headers(PAGE_HEADERS).send(text);
  });

  app.get("/runs/:run_id", { config, schema: { hide: true, params: runParams } }, async (request, reply) => {
    const { run_id } = runParams.parse(request.params);
    const run = await requireRun(deps.db, run_id, requirePrincipal(request));
    const rows = await listRunJobs(deps.db, { runId: run.id, runAttempt: run.attempt });
    const jobs = await readJobs(
      deps.db,
      rows.map((row) => row.id),
      deps.links,
    );
    return reply.headers(PAGE_HEADERS).send(runPage(run, jobs, deps.clock.nowMs()));
  });

  app.get(
    "/runs/:run_id/jobs/:job_id/logs",
    { config, schema: { hide: true, params: jobParams, querystring: logQuery } },
    async (request, reply) => {
      const { job_id } = jobParams.parse(request.params);
      const query = logQuery.parse(request.query);
      const job = await requireJob(deps.db, job_id, requirePrincipal(request));
      const attempt = await findAttemptNo(deps.db, job, query.attempt);
      // what one wants to see: the step asked for, else the one that failed, else the last
      const failed = attempt?.steps.find((step) => step.conclusion === "failure");
      const name = query.stream ?? (failed === undefined ? undefined : String(failed.step_no));
      const stream = attempt?.streams.find((one) => one.stream === name) ?? attempt?.streams.at(-1);
      let window: LogWindow | undefined;
      if (attempt !== undefined && stream !== undefined) {
        const lengthBytes = stream.length_bytes;
        const from = Math.min(query.from ?? Math.max(0, lengthBytes - LOG_WINDOW_BYTES), lengthBytes);
        const to = Math.min(from + LOG_WINDOW_BYTES, lengthBytes);
        const chunks: Uint8Array[] = [];
        if (to > from) {
          const bytes = deps.farm.readLog({ attemptId: attempt.id, stream: stream.stream, from, to });
          for await (const chunk of bytes) chunks.push(chunk);
        }
        window = { stream: stream.stream, from, to, lengthBytes, pieces: showLines(Buffer.concat(chunks), from) };
      }
      return reply.headers(PAGE_HEADERS).send(logPage(job, attempt, window));
    },
  );
}

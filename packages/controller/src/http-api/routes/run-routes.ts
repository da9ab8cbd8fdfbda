import { Refusal } from "@windrow/model";
import { findRun, listRunActions, listRunImages, listRunJobs, listRuns } from "@windrow/store";
import type { StartedByHand } from "../../intake/start-run.ts";
import { explainRuns } from "../../queue/explain-waits.ts";
import type { ApiDeps } from "../api-deps.ts";
import { presentRun } from "../present/present-run.ts";
import { summariseJobs } from "../present/read-jobs.ts";
import { actorOf, mayReach, type Principal } from "../principal.ts";
import type { RouteHandlers } from "../route-handler.ts";
import { ownerScope, requireJob, requireRun } from "./require-reach.ts";

type Names = "listRuns" | "startRun" | "dispatchRepository" | "viewRun" | "cancelRun" | "rerunRun";

export function createRunRoutes({ db, farm, intake, links }: ApiDeps): Pick<RouteHandlers, Names> {
  return {
    async listRuns({ query, principal }) {
      const rows = await listRuns(db, {
        owner: ownerScope(principal),
        repository: query.repository === undefined ? undefined : splitFullName(query.repository),
        ref: query.branch === undefined ? undefined : `refs/heads/${query.branch}`,
        sha: query.sha,
        workflow: query.workflow,
        state: query.state,
        conclusion: query.conclusion,
        actor: query.actor,
        beforeId: readCursor(query.cursor),
        limit: query.limit + 1,
      });
      const items = rows.slice(0, query.limit);
      const last = items.at(-1);
      const waits = await explainRuns(db, items);
      return {
        items: items.map((run) => presentRun(run, links, waits.get(run.id))),
        next_cursor: rows.length > query.limit && last !== undefined ? String(last.id) : null,
      };
    },

    async startRun({ body, principal }) {
      const { owner, name } = splitFullName(body.repository);
      requireReachOfStart(principal, { owner, name });
      if (body.payload !== undefined && body.event === undefined) {
        throw new Refusal("invalid", "a payload is the document of an event: say which", { hint: "add `event`" });
      }
      const isByHand = body.event === undefined || body.event === "workflow_dispatch";
      if (principal.kind === "job" && !isByHand) {
        throw new Refusal("not_allowed", "a job's own token starts runs by hand or by a dispatch alone", {
          hint: "leave `event` out, or send a repository_dispatch",
        });
      }
      const started = await intake.startRun({
        owner,
        name,
        ref: body.ref,
        workflow: body.workflow,
        ...(isByHand
          ? { inputs: body.inputs ?? inputsOf(body.payload) }
          : { inputs: {}, event: { name: body.event ?? "", payload: body.payload ?? {} } }),
        actor: actorOf(principal),
      });
      return presentStarted(started);
    },

    async dispatchRepository({ params, body, principal }) {
      requireReachOfStart(principal, params);
      const { event_type: eventType, client_payload: clientPayload } = body;
      return presentStarted(await intake.dispatch({ ...params, eventType, clientPayload, actor: actorOf(principal) }));
    },

    async viewRun({ params, query, principal }) {
      const run = await requireRun(db, params.run_id, principal);
      const runAttempt = query.attempt ?? run.attempt;
      if (runAttempt > run.attempt) throw new Refusal("not_found", `run ${run.id} has no attempt ${runAttempt}`);
      const jobs = await listRunJobs(db, { runId: run.id, runAttempt });
      return {
        ...presentRun(run, links, (await explainRuns(db, [run])).get(run.id)),
        diagnostics: [...run.diagnostics],
        inputs: run.inputs,
        actions: await listRunActions(db, run.id),
        images: await listRunImages(db, run.id),
        jobs: await summariseJobs(db, jobs, links),
      };
    },

    async cancelRun({ params, body, principal }) {
      const run = await requireRun(db, params.run_id, principal);
      const by = actorOf(principal);
      await farm.cancel({ target: { runId: run.id }, by, reason: body.reason ?? `cancelled by ${by}` });
      return presentRun((await findRun(db, run.id)) ?? run, links);
    },

    async rerunRun({ params, body, principal }) {
      const run = await requireRun(db, params.run_id, principal);
      if (body.job_id !== undefined && (await requireJob(db, body.job_id, principal)).run_id !== run.id) {
        throw new Refusal("invalid", `job ${body.job_id} is not of run ${run.id}`);
      }
      const mode = body.job_id === undefined ? body.mode : { jobId: body.job_id };
      await farm.rerun({ runId: run.id, mode, by: actorOf(principal) });
      return presentRun((await findRun(db, run.id)) ?? run, links);
    },
  };

  async function presentStarted({ runIds, notes }: StartedByHand) {
    const runs = await Promise.all(runIds.map((id) => findRun(db, id)));
    return { runs: runs.flatMap((run) => (run === undefined ? [] : [presentRun(run, links)])), notes: [...notes] };
  }
}

/** The document of a start by hand may hold its inputs. */
function inputsOf(payload: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  const { inputs } = payload;
  return typeof inputs === "object" && inputs !== null ? Object.fromEntries(Object.entries(inputs)) : {};
}

/** A job may start runs of its own repository, with a token that says so; the permission was checked before. */
function requireReachOfStart(principal: Principal, { owner, name }: { readonly owner: string; readonly name: string }) {
  const isOwn = principal.kind === "job" && principal.repository === `${owner}/${name}`;
  if (!isOwn && !mayReach(principal, owner)) throw new Refusal("not_found", `there is no repository ${owner}/${name}`);
}

function splitFullName(fullName: string): { readonly owner: string; readonly name: string } {
  const [owner = "", name = ""] = fullName.split("/");
  return { owner, name };
}

function readCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const id = Number(cursor);
  if (!Number.isSafeInteger(id) || id < 1) throw new Refusal("invalid", "the cursor is not one of this list");
  return id;
}

import { Refusal } from "@windrow/model";
import { isEventCursor } from "@windrow/store";
import type { ApiDeps } from "../api-deps.ts";
import { followJob, followRun } from "../follow-run.ts";
import type { RouteHandlers } from "../route-handler.ts";
import { type EventStream, startEventStream } from "../sse.ts";
import { requireJob, requireRun } from "./require-reach.ts";

export function createFollowRoutes(deps: ApiDeps): Pick<RouteHandlers, "listRunEvents" | "followRun" | "followLog"> {
  const { db } = deps;
  return {
    async listRunEvents({ params, query, principal, request, reply }) {
      const run = await requireRun(db, params.run_id, principal);
      const lastId = request.headers["last-event-id"];
      const after = checkCursor(query.after ?? (typeof lastId === "string" ? lastId : undefined));
      await relay(startEventStream(reply, deps), (stream) =>
        followRun(deps, { run, after, logs: query.logs ?? false, have: new Map() }, stream),
      );
    },

    async followRun({ params, body, principal, reply }) {
      const run = await requireRun(db, params.run_id, principal);
      const after = checkCursor(body.after);
      const have = new Map<string, Map<string, number>>();
      for (const { attempt_id, stream, offset } of body.have) {
        const streams = have.get(attempt_id) ?? new Map<string, number>();
        have.set(attempt_id, streams.set(stream, offset));
      }
      await relay(startEventStream(reply, deps), (stream) =>
        followRun(deps, { run, after, logs: body.logs, have }, stream),
      );
    },

    async followLog({ params, query, principal, reply }) {
      const job = await requireJob(db, params.job_id, principal);
      if (query.from !== undefined && query.stream === undefined) {
        throw new Refusal("invalid", "`from` is of one stream", { hint: "say which with `stream`" });
      }
      const run = await requireRun(db, job.run_id, principal);
      const request = { jobId: job.id, run, attemptNo: query.attempt, stream: query.stream, from: query.from ?? 0 };
      await relay(startEventStream(reply, deps), (stream) => followJob(deps, request, stream));
    },
  };

  /** An error after the header can only end the answer; the client comes back and hears of it then. */
  async function relay(stream: EventStream, work: (stream: EventStream) => Promise<void>): Promise<void> {
    try {
      await work(stream);
    } catch (error) {
      if (!stream.signal.aborted) deps.logger.warn({ err: error }, "an event stream broke");
    } finally {
      stream.end();
    }
  }
}

function checkCursor(text: string | undefined): string | undefined {
  if (text === undefined || isEventCursor(text)) return text;
  throw new Refusal("invalid", "`after` is not the id of a message of this stream");
}

import { Readable } from "node:stream";
import { Refusal } from "@windrow/model";
import { type AttemptView, type Database, type JobView, listAttempts } from "@windrow/store";
import type { ApiDeps } from "../api-deps.ts";
import { presentStream } from "../present/present-job.ts";
import type { RouteHandlers } from "../route-handler.ts";
import { requireJob } from "./require-reach.ts";

export function createLogRoutes({ db, farm }: ApiDeps): Pick<RouteHandlers, "listLogStreams" | "readLog"> {
  return {
    async listLogStreams({ params, query, principal }) {
      const job = await requireJob(db, params.job_id, principal);
      const attempt = await findAttemptNo(db, job, query.attempt);
      return {
        attempt_id: attempt?.id ?? null,
        attempt_no: attempt?.no ?? null,
        streams: attempt?.streams.map(presentStream) ?? [],
      };
    },

    async readLog({ params, query, principal, request, reply }) {
      const job = await requireJob(db, params.job_id, principal);
      const attempt = await findAttemptNo(db, job, query.attempt);
      reply
        .type("application/octet-stream")
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "no-store");
      if (query.stream === undefined) {
        if (query.from !== undefined || query.to !== undefined || request.headers.range !== undefined) {
          throw new Refusal("invalid", "a range is of one stream", { hint: "say which with `stream`" });
        }
        await reply.send(Readable.from(readAll(attempt)));
        return;
      }
      const stream = attempt === undefined ? undefined : findStream(attempt, query.stream);
      if (attempt === undefined || stream === undefined) {
        throw new Refusal("not_found", `job ${job.id} has no log stream '${query.stream}' yet`);
      }
      const range = readRange(request.headers.range, stream.length_bytes);
      const from = Math.min(range?.from ?? query.from ?? 0, stream.length_bytes);
      const to = Math.min(range?.to ?? query.to ?? stream.length_bytes, stream.length_bytes);
      reply.header("accept-ranges", "bytes").header("content-length", Math.max(to - from, 0));
      if (stream.sha256 !== null) reply.header("etag", `"${stream.sha256}"`);
      if (range !== undefined) {
        reply.status(206).header("content-range", `bytes ${from}-${Math.max(to - 1, from)}/${stream.length_bytes}`);
      }
      const bytes = from >= to ? [] : farm.readLog({ attemptId: attempt.id, stream: stream.stream, from, to });
      await reply.send(Readable.from(bytes));
    },
  };

  async function* readAll(attempt: AttemptView | undefined): AsyncGenerator<Uint8Array> {
    for (const { stream } of attempt?.streams ?? []) {
      yield* farm.readLog({ attemptId: attempt?.id ?? "", stream, from: 0, to: undefined });
    }
  }
}

/** A step that is known and has printed nothing has an empty log, not none. */
function findStream(
  { streams, steps }: AttemptView,
  name: string,
): Pick<AttemptView["streams"][number], "stream" | "length_bytes" | "sha256"> | undefined {
  const stream = streams.find((one) => one.stream === name);
  if (stream !== undefined) return stream;
  const isKnown = name === "system" || steps.some((step) => String(step.step_no) === name);
  return isKnown ? { stream: name, length_bytes: 0, sha256: null } : undefined;
}

/** The attempt of that number, or the latest; undefined when there is none yet. Throws `not_found` for a wrong number. */
export async function findAttemptNo(
  db: Database,
  job: JobView,
  no: number | undefined,
): Promise<AttemptView | undefined> {
  const attempts = await listAttempts(db, [job.id]);
  // an offer that was declined or expired has no log
  const latest = attempts.findLast((one) => one.started_at !== null) ?? attempts.at(-1);
  if (no === undefined) return latest;
  const attempt = attempts.find((one) => one.no === no);
  if (attempt === undefined) throw new Refusal("not_found", `job ${job.id} has no attempt ${no}`);
  return attempt;
}

/** `bytes=a-b`, `bytes=a-` or `bytes=-n`; undefined when there is none. Throws `invalid` for others. */
function readRange(header: string | undefined, lengthBytes: number): { from: number; to: number } | undefined {
  if (header === undefined) return undefined;
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header) ?? [];
  if (first === "" && last === "") throw new Refusal("invalid", "only one range `bytes=from-to` is understood");
  if (first === "") return { from: Math.max(lengthBytes - Number(last), 0), to: lengthBytes };
  return { from: Number(first), to: last === "" ? lengthBytes : Number(last) + 1 };
}

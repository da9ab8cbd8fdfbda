import * as z from "zod";
import { timeSchema } from "./fields.ts";
import { jobSchema } from "./jobs.ts";
import { runSummarySchema } from "./runs.ts";

/** One recorded change of state. */
export const farmEventSchema = z
  .object({
    cursor: z.string().describe("Its place in the order of events; also the message's SSE id."),
    kind: z.string(),
    at: timeSchema,
    run_id: z.int().nullable(),
    job_id: z.int().nullable(),
    attempt_id: z.string().nullable(),
    agent_id: z.string().nullable(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "Event" });
export type FarmEvent = z.infer<typeof farmEventSchema>;

/** Bytes of one stream at an offset. */
export const logChunkSchema = z
  .object({
    job_id: z.int(),
    attempt_id: z.string(),
    attempt_no: z.int(),
    stream: z.string(),
    offset: z.int(),
    bytes: z.string().describe("Base64."),
  })
  .meta({ id: "LogChunk" });
export type LogChunk = z.infer<typeof logChunkSchema>;

/**
 * The messages of `text/event-stream` answers: SSE `event:` name → shape of `data:`. `run` and `job` carry the whole
 * present state of what an event touched, so that a client that keeps only the latest of each is right. After a break
 * a client sends the last `id` it saw (and, for logs, the offsets it has) to any controller and misses nothing.
 * Lines that start with `:` keep the connection alive.
 */
export const FOLLOW_MESSAGES = {
  event: farmEventSchema,
  run: runSummarySchema,
  job: jobSchema,
  log: logChunkSchema,
  /** The run (or the one job followed) is finished and everything about it was sent; the stream ends after it. */
  end: runSummarySchema,
  /** This controller stops; connect again, to any. */
  bye: z.object({ detail: z.string() }),
} as const;
export type FollowMessageName = keyof typeof FOLLOW_MESSAGES;
export type FollowMessage = {
  [N in FollowMessageName]: {
    readonly name: N;
    readonly id?: string;
    readonly data: z.infer<(typeof FOLLOW_MESSAGES)[N]>;
  };
}[FollowMessageName];

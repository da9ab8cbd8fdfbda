import { jobParamsSchema, jobSchema } from "../jobs.ts";
import { followLogQuerySchema, listStreamsQuerySchema, logStreamsSchema, readLogQuerySchema } from "../logs.ts";
import type { RouteDefinition } from "../route.ts";
import { cancelRunSchema } from "../runs.ts";

/** Jobs and their logs. */
export const JOB_ROUTES = {
  viewJob: {
    method: "GET",
    path: "/api/v1/jobs/:job_id",
    summary: "One job with its attempts, steps and streams",
    tag: "jobs",
    permission: "run:read",
    kind: "json",
    params: jobParamsSchema,
    successStatus: 200,
    answer: jobSchema,
  },
  cancelJob: {
    method: "POST",
    path: "/api/v1/jobs/:job_id/cancel",
    summary: "Ask for one job to end",
    tag: "jobs",
    permission: "run:cancel",
    kind: "json",
    params: jobParamsSchema,
    body: cancelRunSchema,
    successStatus: 202,
    answer: jobSchema,
  },
  listLogStreams: {
    method: "GET",
    path: "/api/v1/jobs/:job_id/streams",
    summary: "The log streams of one attempt",
    tag: "logs",
    permission: "run:read",
    kind: "json",
    params: jobParamsSchema,
    query: listStreamsQuerySchema,
    successStatus: 200,
    answer: logStreamsSchema,
  },
  readLog: {
    method: "GET",
    path: "/api/v1/jobs/:job_id/logs",
    summary: "Log bytes, exactly as shipped",
    tag: "logs",
    permission: "run:read",
    kind: "bytes",
    params: jobParamsSchema,
    query: readLogQuerySchema,
    successStatus: 200,
  },
  followLog: {
    method: "GET",
    path: "/api/v1/jobs/:job_id/logs/follow",
    summary: "Log bytes of one job as they come",
    tag: "logs",
    permission: "run:read",
    kind: "events",
    params: jobParamsSchema,
    query: followLogQuerySchema,
    successStatus: 200,
  },
} as const satisfies Record<string, RouteDefinition>;

import * as z from "zod";
import { idSchema, idTextSchema, timeOrNullSchema, timeSchema } from "./fields.ts";
import { logStreamSchema } from "./logs.ts";
import {
  attemptStateSchema,
  conclusionSchema,
  jobStateSchema,
  outcomeSchema,
  stepStateSchema,
  waitCodeSchema,
} from "./states.ts";

export const jobSummarySchema = z
  .object({
    id: idSchema,
    run_id: idSchema,
    run_attempt: z.int(),
    kind: z.enum(["ordinary", "call"]).default("ordinary").describe("`call`: the job is another workflow."),
    parent_job_id: idSchema.nullable().default(null).describe("The call it stands in."),
    key: z.string().describe("Its name in the workflow file; below a call the path to it, as `deploy/build`."),
    name: z.string(),
    matrix: z.record(z.string(), z.unknown()),
    labels: z.array(z.string()).describe("What `runs-on` asks for; empty until it is known."),
    needs: z.array(idSchema).describe("The jobs it waits for."),
    state: jobStateSchema,
    outcome: outcomeSchema.nullable(),
    conclusion: conclusionSchema.nullable(),
    reason: z.string().nullable().describe("Why it ended so, in a stable word."),
    message: z.string().nullable(),
    waiting_for: z.string().nullable().describe("Why it is not running yet, in a sentence; null when it is."),
    waiting_code: waitCodeSchema.nullable().default(null).describe("The same as a word for scripts."),
    attempt_count: z.int(),
    pool: z.string().nullable(),
    agent: z.string().nullable().describe("The agent of its latest attempt."),
    cancel_requested_at: timeOrNullSchema,
    created_at: timeSchema,
    queued_at: timeOrNullSchema,
    started_at: timeOrNullSchema,
    finished_at: timeOrNullSchema,
    url: z.string(),
  })
  .meta({ id: "JobSummary" });
export type JobSummary = z.infer<typeof jobSummarySchema>;

/** A remark about a place in the sources, made by a step. */
export const annotationSchema = z
  .object({
    level: z.enum(["notice", "warning", "error"]),
    message: z.string(),
    title: z.string().nullable(),
    file: z.string().nullable(),
    line: z.int().nullable(),
    end_line: z.int().nullable(),
    column: z.int().nullable(),
    end_column: z.int().nullable(),
  })
  .meta({ id: "Annotation" });
export type Annotation = z.infer<typeof annotationSchema>;

export const stepSchema = z
  .object({
    no: z.int().describe("From 0; the name of its log stream."),
    name: z.string(),
    state: stepStateSchema,
    outcome: outcomeSchema.nullable(),
    conclusion: conclusionSchema.nullable(),
    exit_code: z.int().nullable(),
    signal: z.string().nullable(),
    fault: z.string().nullable().describe("What the farm itself did wrong, never the step's own output."),
    started_at: timeOrNullSchema,
    finished_at: timeOrNullSchema,
    annotations: z.array(annotationSchema).default([]),
    summary: z.string().nullable().default(null).describe("Markdown that the step wrote for people."),
  })
  .meta({ id: "Step" });
export type Step = z.infer<typeof stepSchema>;

export const receiptSchema = z
  .object({
    processes_ended_count: z.int(),
    left_count: z.int(),
    took_ms: z.number(),
    containment: z.enum(["pid-namespace", "cgroup", "best-effort"]),
  })
  .meta({ id: "Receipt" });

export const attemptSchema = z
  .object({
    id: z.string(),
    no: z.int(),
    agent_id: z.string(),
    agent: z.string(),
    pool: z.string(),
    state: attemptStateSchema,
    outcome: outcomeSchema.nullable(),
    reason: z.string().nullable(),
    message: z.string().nullable(),
    offered_at: timeSchema,
    started_at: timeOrNullSchema,
    finished_at: timeOrNullSchema,
    receipt: receiptSchema.nullable(),
    log_incomplete: z.boolean(),
    steps: z.array(stepSchema),
    streams: z.array(logStreamSchema),
  })
  .meta({ id: "Attempt" });
export type Attempt = z.infer<typeof attemptSchema>;

export const jobSchema = jobSummarySchema
  .extend({
    repository: z.string(),
    outputs: z.record(z.string(), z.string()),
    timeout_ms: z.int(),
    attempts: z.array(attemptSchema).describe("Oldest first."),
  })
  .meta({ id: "Job" });
export type Job = z.infer<typeof jobSchema>;

export const jobParamsSchema = z.object({ job_id: idTextSchema });

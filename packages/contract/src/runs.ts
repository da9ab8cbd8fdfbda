import * as z from "zod";
import { diagnosticSchema } from "./diagnostic.ts";
import {
  cursorSchema,
  flagSchema,
  fullNameSchema,
  idSchema,
  idTextSchema,
  limitSchema,
  reasonSchema,
  timeOrNullSchema,
  timeSchema,
} from "./fields.ts";
import { jobSummarySchema } from "./jobs.ts";
import { pageOf } from "./page.ts";
import { branchSchema } from "./repositories.ts";
import { conclusionSchema, runStateSchema } from "./states.ts";

export const runSummarySchema = z
  .object({
    id: idSchema,
    number: z.int().describe("Counts up in its repository."),
    attempt: z.int().describe("Grows by one with every rerun."),
    repository: z.string().describe("`owner/name`"),
    workflow_path: z.string(),
    workflow_name: z.string(),
    title: z.string(),
    event: z.string().describe("`push`, `workflow_dispatch`, …"),
    ref: z.string(),
    branch: z.string().nullable().describe("The short name when `ref` is a branch."),
    sha: z.string(),
    actor: z.string(),
    scope: z.enum(["branch", "tag", "try"]),
    trust: z.enum(["trusted", "untrusted"]),
    state: runStateSchema,
    has_started: z
      .boolean()
      .default(true)
      .describe("False while every job of the latest attempt waits: no agent has started one yet."),
    conclusion: conclusionSchema.nullable(),
    waiting_reason: z.string().nullable(),
    cancel_requested_at: timeOrNullSchema,
    cancel_requested_by: z.string().nullable(),
    cancel_reason: z.string().nullable(),
    diagnostics_count: z.int(),
    created_at: timeSchema,
    started_at: timeOrNullSchema,
    finished_at: timeOrNullSchema,
    url: z.string(),
  })
  .meta({ id: "RunSummary" });
export type RunSummary = z.infer<typeof runSummarySchema>;

export const runPageSchema = pageOf(runSummarySchema).meta({ id: "RunPage" });

export const runSchema = runSummarySchema
  .extend({
    diagnostics: z.array(diagnosticSchema),
    inputs: z.record(z.string(), z.unknown()).default({}).describe("Of a start by hand, typed."),
    actions: z
      .array(z.object({ repository: z.string(), ref: z.string(), sha: z.string() }))
      .default([])
      .describe("Actions that jobs of the run have used, and the commit each one is for the whole run."),
    images: z
      .array(z.object({ image: z.string(), found: z.string() }))
      .default([])
      .describe("Images that Docker actions of the run have used, by digest or, where no registry gave them, by id."),
    jobs: z.array(jobSummarySchema).describe("The jobs of the run's latest attempt, in the order of the file."),
  })
  .meta({ id: "Run" });
export type Run = z.infer<typeof runSchema>;

export const listRunsQuerySchema = z.object({
  repository: fullNameSchema.optional(),
  branch: branchSchema.optional(),
  sha: z
    .string()
    .regex(/^[0-9a-f]{4,64}$/)
    .optional(),
  workflow: z.string().max(300).optional().describe("Path of the workflow file, or its name."),
  state: runStateSchema.optional(),
  conclusion: conclusionSchema.optional(),
  actor: z.string().max(200).optional(),
  limit: limitSchema,
  cursor: cursorSchema.optional(),
});

export const runParamsSchema = z.object({ run_id: idTextSchema });

export const viewRunQuerySchema = z.object({
  attempt: z.coerce.number().int().min(1).optional().describe("An earlier attempt's jobs instead of the latest."),
});

export const startRunSchema = z.strictObject({
  repository: fullNameSchema,
  ref: z.string().min(1).max(255).optional().describe("Branch, tag or full ref; the default branch when left out."),
  workflow: z.string().max(300).optional().describe("Path or file name of one workflow; all when left out."),
  inputs: z
    .record(z.string().max(100), z.union([z.string().max(65_535), z.number(), z.boolean()]))
    .optional()
    .describe("For a start by hand; texts are turned into what the workflow says."),
  event: z
    .string()
    .regex(/^[a-z_]{1,100}$/)
    .optional()
    .describe("Try what another event would start; its runs count as tries. A start by hand when left out."),
  payload: z.record(z.string(), z.unknown()).optional().describe("The event's document, with `event`."),
});
export const startRunAnswerSchema = z
  .object({
    runs: z.array(runSummarySchema),
    notes: z.array(z.string()).default([]).describe("Which workflow files were not started and why, a sentence each."),
  })
  .meta({ id: "StartedRuns" });

export const dispatchSchema = z.strictObject({
  event_type: z.string().min(1).max(100),
  client_payload: z.record(z.string(), z.unknown()).default({}),
});

export const cancelRunSchema = z.strictObject({ reason: reasonSchema.optional() });

export const rerunSchema = z.strictObject({
  mode: z.enum(["all", "failed"]).default("all"),
  job_id: idSchema.optional().describe("Only this job and what needs it; `mode` is ignored."),
});

export const followQuerySchema = z.object({
  after: z.string().max(100).optional().describe("Continue after this event; `Last-Event-ID` says the same."),
  logs: flagSchema.optional().describe("`true` sends the log bytes of every job, too."),
});

/** Bounds what a client that comes back may say it already has. */
export const FOLLOW_HAVE_MAX = 20_000;

export const followRunSchema = z.strictObject({
  after: z.string().max(100).optional().describe("Continue after this event (the `id` of an earlier message)."),
  logs: z
    .union([z.boolean(), z.array(idSchema).max(FOLLOW_HAVE_MAX)])
    .default(false)
    .describe("Whose log bytes to send: everybody's, nobody's, or those of the jobs listed."),
  have: z
    .array(z.object({ attempt_id: z.uuid(), stream: z.string().max(10), offset: z.int().min(0) }))
    .max(FOLLOW_HAVE_MAX)
    .default([])
    .describe("How far each stream was received already; streams not listed start at 0."),
});

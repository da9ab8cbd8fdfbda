import * as z from "zod";
import {
  cursorSchema,
  flagSchema,
  fullNameSchema,
  idSchema,
  idTextSchema,
  limitSchema,
  nameSchema,
  reasonSchema,
  timeSchema,
} from "./fields.ts";
import { pageOf } from "./page.ts";
import { jobStateSchema, waitCodeSchema } from "./states.ts";
import { poolNameSchema } from "./tokens.ts";

/** The one answer to "why does it wait". */
export const waitReasonSchema = z
  .object({
    code: waitCodeSchema,
    sentence: z.string().describe("With names and numbers; for people, and may change."),
    unblock: z.string().describe("What would let it start."),
    is_stuck: z.boolean().describe("Nothing but a person's change can start it."),
  })
  .meta({ id: "WaitReason" });

export const queueEntrySchema = z
  .object({
    job_id: idSchema,
    run_id: idSchema,
    repository: z.string(),
    workflow_name: z.string(),
    key: z.string(),
    name: z.string(),
    state: jobStateSchema,
    labels: z.array(z.string()),
    pools: z.array(z.string()).describe("Those that could run it."),
    priority: z.int(),
    is_on_top: z.boolean().describe("A person moved it to the top of the queue."),
    waiting_since: timeSchema,
    reason: waitReasonSchema.nullable().describe("Null when it does not wait: it runs, or is finished."),
    position: z
      .object({ place: z.int().describe("From 1."), of: z.int() })
      .nullable()
      .describe(
        "Among the jobs that wait for the same agents, in the order in which they are granted; the best guess.",
      ),
    estimated_start: z
      .object({ earliest_at: timeSchema, likely_at: timeSchema, latest_at: timeSchema })
      .nullable()
      .describe("From how long such jobs took lately; 8 of 10 start within the interval."),
    no_estimate: z.string().nullable().describe("Why there is no estimated start."),
    url: z.string(),
  })
  .meta({ id: "QueueEntry" });
export type QueueEntry = z.infer<typeof queueEntrySchema>;
export const queuePageSchema = pageOf(queueEntrySchema).meta({ id: "QueuePage" });

export const listQueueQuerySchema = z.object({
  pool: poolNameSchema.optional().describe("Only what this pool could run."),
  owner: nameSchema.optional(),
  repository: fullNameSchema.optional(),
  code: waitCodeSchema.optional(),
  blocked: flagSchema
    .optional()
    .describe("`true` lists jobs that are not in the queue yet, too; a code that only those have does the same."),
  limit: limitSchema,
  cursor: cursorSchema.optional(),
});

export const queueJobParamsSchema = z.object({ job: idTextSchema });
export const queuePoolParamsSchema = z.object({ pool: poolNameSchema });
export const pausePoolSchema = z.strictObject({ reason: reasonSchema.optional() });

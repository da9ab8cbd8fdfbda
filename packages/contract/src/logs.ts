import * as z from "zod";
import { timeOrNullSchema } from "./fields.ts";

/** `system`, or the number of a step. */
export const streamNameSchema = z.string().regex(/^(system|[0-9]{1,6})$/, { error: "`system` or a step's number" });

export const logStreamSchema = z
  .object({
    stream: z.string(),
    length_bytes: z.int().describe("What is durable so far; final once `sealed_at` is set."),
    line_count: z.int(),
    sha256: z.string().nullable().describe("Of the whole stream as shipped, once sealed."),
    sealed_at: timeOrNullSchema,
    truncated_at: z
      .int()
      .nullable()
      .describe("Where bytes are missing, because the log went beyond its limit; the last 64 KiB follow there."),
    produced_bytes: z.int().nullable().describe("How many bytes there were, of a log that went beyond its limit."),
  })
  .meta({ id: "LogStream" });
export type LogStream = z.infer<typeof logStreamSchema>;

export const logStreamsSchema = z
  .object({ attempt_id: z.string().nullable(), attempt_no: z.int().nullable(), streams: z.array(logStreamSchema) })
  .meta({ id: "LogStreams" });

export const listStreamsQuerySchema = z.object({
  attempt: z.coerce.number().int().min(1).optional().describe("The latest attempt when left out."),
});

export const readLogQuerySchema = z.object({
  stream: streamNameSchema.optional().describe("One stream; all in order (system, 0, 1, …) when left out."),
  attempt: z.coerce.number().int().min(1).optional().describe("The latest attempt when left out."),
  from: z.coerce.number().int().min(0).optional().describe("First byte, for one stream; `Range` says the same."),
  to: z.coerce.number().int().min(0).optional().describe("One past the last byte."),
});

export const followLogQuerySchema = z.object({
  stream: streamNameSchema.optional(),
  attempt: z.coerce.number().int().min(1).optional(),
  from: z.coerce.number().int().min(0).optional().describe("Offset to start at; only with `stream`."),
});

import * as z from "zod";
import { diagnosticSchema } from "./diagnostic.ts";

/** The stable codes of refused requests; `detail` is for people and may change. */
export const PROBLEM_CODES = [
  "invalid",
  "unauthenticated",
  "not_allowed",
  "not_found",
  "conflict",
  "too_large",
  "too_many",
  "method_not_allowed",
  "unavailable",
  "internal",
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** Every answer that is not a success, as `application/problem+json` (RFC 9457). */
export const problemSchema = z
  .object({
    type: z.string().describe("Always `about:blank`: `code` tells problems apart."),
    title: z.string(),
    status: z.int().describe("The HTTP status."),
    code: z.enum(PROBLEM_CODES),
    detail: z.string().describe("What happened, in a sentence."),
    hint: z.string().optional().describe("What to do next."),
    request_id: z.string(),
    diagnostics: z.array(diagnosticSchema).optional().describe("Complaints about a workflow file."),
    fields: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .describe("Which parts of the request were wrong."),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof problemSchema>;

import * as z from "zod";

/** One complaint about a workflow file; lines and columns count from 1. */
export const diagnosticSchema = z
  .object({
    severity: z.enum(["error", "warning"]),
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    file: z.string(),
    line: z.int(),
    column: z.int(),
  })
  .meta({ id: "Diagnostic" });

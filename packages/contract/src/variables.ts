import * as z from "zod";
import { fullNameSchema, nameSchema, timeSchema } from "./fields.ts";
import { pageOf } from "./page.ts";

/** As documented for GitHub: 48 KiB. */
export const VARIABLE_VALUE_BYTES_MAX = 48 * 1024;

/** Names are kept in upper case; those of the farm itself cannot be taken. */
export const variableNameSchema = z
  .string()
  .regex(/^(?!(?:GITHUB_|WINDROW_))[A-Za-z_][A-Za-z0-9_]{0,99}$/i, {
    error: "letters, digits and _, not starting with a digit, GITHUB_ or WINDROW_",
  })
  .transform((name) => name.toUpperCase());

export const variableSchema = z
  .object({
    name: z.string(),
    value: z.string(),
    owner: z.string().nullable().describe("Set for a variable of one owner."),
    repository: z.string().nullable().describe("Set for a variable of one repository, as `owner/name`."),
    updated_by: z.string(),
    updated_at: timeSchema,
  })
  .meta({ id: "Variable" });
export type Variable = z.infer<typeof variableSchema>;

export const variablePageSchema = pageOf(variableSchema).meta({ id: "VariablePage" });

/** Whose variable: the farm's when both are left out. */
const level = { owner: nameSchema.optional(), repository: fullNameSchema.optional() };

export const listVariablesQuerySchema = z.object({
  ...level,
  effective: z
    .enum(["true", "false"])
    .optional()
    .describe("`true`, with a repository: what its jobs see, from all three levels."),
});

export const setVariableSchema = z.strictObject({
  ...level,
  name: variableNameSchema,
  value: z.string().refine((value) => Buffer.byteLength(value) <= VARIABLE_VALUE_BYTES_MAX, {
    error: `more than ${VARIABLE_VALUE_BYTES_MAX} bytes`,
  }),
});

export const variableParamsSchema = z.object({ name: variableNameSchema });
export const deleteVariableQuerySchema = z.object(level);

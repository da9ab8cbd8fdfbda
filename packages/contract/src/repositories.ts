import * as z from "zod";
import { nameSchema, timeSchema } from "./fields.ts";
import { pageOf } from "./page.ts";

/** A branch's short name. */
export const branchSchema = z
  .string()
  .min(1)
  .max(244)
  .regex(/^[^\s~^:?*[\\]+$/, { error: "not a branch name" });

export const repositorySchema = z
  .object({
    id: z.int(),
    owner: z.string(),
    name: z.string(),
    full_name: z.string().describe("`owner/name`"),
    default_branch: z.string(),
    language: z.string().nullable(),
    clone_url: z.string(),
    created_by: z.string(),
    created_at: timeSchema,
  })
  .meta({ id: "Repository" });
export type Repository = z.infer<typeof repositorySchema>;

export const repositoryPageSchema = pageOf(repositorySchema).meta({ id: "RepositoryPage" });

export const addRepositorySchema = z.strictObject({
  owner: nameSchema.optional().describe("The token's default owner when left out."),
  name: nameSchema,
  default_branch: branchSchema.optional(),
});

export const changeRepositorySchema = z.strictObject({ default_branch: branchSchema });
export const repositoryParamsSchema = z.object({ owner: nameSchema, name: nameSchema });

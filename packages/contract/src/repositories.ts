import * as z from "zod";
import { nameSchema, timeSchema } from "./fields.ts";
import { pageOf } from "./page.ts";
import { jobsMaxSchema, weightSchema } from "./pools.ts";

/** A branch's short name. */
export const branchSchema = z
  .string()
  .min(1)
  .max(244)
  .regex(/^[^\s~^:?*[\\]+$/, { error: "not a branch name" });

export const readableBySchema = z
  .enum(["own", "owner", "farm"])
  .describe("Whose jobs may read it: its own, trusted ones of its owner, or all of the farm.");

export const repositorySchema = z
  .object({
    id: z.int(),
    owner: z.string(),
    name: z.string(),
    full_name: z.string().describe("`owner/name`"),
    default_branch: z.string(),
    language: z.string().nullable(),
    jobs_max: z.int().nullable().default(null).describe("At most so many of its jobs at a time; null is no limit."),
    weight: z.int().default(1).describe("Its share among its owner's repositories."),
    readable_by: readableBySchema.default("own"),
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

/** Fields that are left out stay as they are. */
export const changeRepositorySchema = z
  .strictObject({
    default_branch: branchSchema.optional(),
    jobs_max: jobsMaxSchema.nullable().optional(),
    weight: weightSchema.optional(),
    readable_by: readableBySchema.optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), { error: "changes nothing" });
export const repositoryParamsSchema = z.object({ owner: nameSchema, name: nameSchema });

export const ownerSchema = z
  .object({
    name: z.string(),
    weight: z.int().describe("Its share of the farm when several owners' jobs wait."),
    repositories_count: z.int(),
    created_at: timeSchema,
  })
  .meta({ id: "Owner" });
export type Owner = z.infer<typeof ownerSchema>;
export const ownerPageSchema = pageOf(ownerSchema).meta({ id: "OwnerPage" });
export const ownerParamsSchema = z.object({ owner: nameSchema });
export const changeOwnerSchema = z.strictObject({ weight: weightSchema });

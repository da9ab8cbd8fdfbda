import * as z from "zod";
import { LABELS_MAX, labelSchema } from "./agents.ts";
import { timeOrNullSchema, timeSchema } from "./fields.ts";
import { changeJobSettingsSchema, jobPolicySchema } from "./job-settings.ts";
import { pageOf } from "./page.ts";
import { providerSettingsSchema } from "./provider-settings.ts";
import { changeScalingPolicySchema, scalingPolicySchema } from "./scaling-policy.ts";
import { poolNameSchema } from "./tokens.ts";

/** Agents send heartbeats three times as often. */
const SUSPECT_AFTER_MS_MIN = 3_000;
const LOST_AFTER_MS_MIN = 5_000;
const SILENCE_MS_MAX = 3_600_000;
export const PRIORITY_MAX = 1_000;
export const WEIGHT_MAX = 1_000;
export const JOBS_MAX_MAX = 1_000_000;

export const weightSchema = z.int().min(1).max(WEIGHT_MAX);
export const jobsMaxSchema = z.int().min(1).max(JOBS_MAX_MAX);

const ordinaryLabelsSchema = z.array(
  labelSchema.refine((label) => !/^pool:/i.test(label), {
    error: "labels that start with pool: are given by the farm",
  }),
);

/** What an admin sets of a pool. */
const settings = {
  description: z.string().max(200).describe("One line for people."),
  labels: ordinaryLabelsSchema
    .max(LABELS_MAX)
    .describe("Every agent of the pool has them beside its own; kept in lower case."),
  slots_per_agent: z.int().min(1).max(1_000).nullable().describe("Of agents that join without saying how many."),
  priority: z
    .int()
    .min(-PRIORITY_MAX)
    .max(PRIORITY_MAX)
    .describe("Of the pools that match a job the highest gets it, after the pool of its language."),
  weight: weightSchema.describe("Among pools of one priority: jobs are shared out in proportion to it."),
  jobs_max: jobsMaxSchema.nullable().describe("At most so many jobs at a time; null is as many as there are slots."),
  untrusted_allowed: z.boolean().describe("Whether work of strangers may run here."),
  suspect_after_ms: z
    .int()
    .min(SUSPECT_AFTER_MS_MIN)
    .max(SILENCE_MS_MAX)
    .describe("A silent agent gets nothing new after this long."),
  lost_after_ms: z
    .int()
    .min(LOST_AFTER_MS_MIN)
    .max(SILENCE_MS_MAX)
    .describe("A silent agent's jobs run elsewhere after this long."),
  provider: providerSettingsSchema.nullable().describe("Who makes machines for its agents; null is nobody."),
};

export const poolSchema = z
  .object({
    name: z.string(),
    ...settings,
    labels: z.array(z.string()),
    suspect_after_ms: z.int(),
    lost_after_ms: z.int(),
    job_policy: jobPolicySchema
      .optional()
      .describe("How its jobs run: what was set, and the defaults. Absent at controllers of the version before."),
    scaling: scalingPolicySchema.nullable().describe("How many agents it is to have; null is as many as people join."),
    paused_at: timeOrNullSchema,
    paused_by: z.string().nullable(),
    paused_reason: z.string().nullable(),
    expiry_held_until: timeOrNullSchema,
    agents_count: z.int(),
    slots: z.int().describe("Of its connected agents together."),
    slots_used: z.int(),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: "Pool" });
export type Pool = z.infer<typeof poolSchema>;
export const poolPageSchema = pageOf(poolSchema).meta({ id: "PoolPage" });

export const poolParamsSchema = z.object({ pool: poolNameSchema });

/** Fields that are left out stay as they are. */
export const changePoolSchema = z.strictObject({
  ...z.strictObject(settings).partial().shape,
  scaling: changeScalingPolicySchema.nullable().optional(),
  job_settings: changeJobSettingsSchema.nullable().optional().describe("How its jobs run; null is all as by default."),
});
export type ChangePool = z.infer<typeof changePoolSchema>;

/** A word that jobs may ask for, and what an agent must have to run them. */
export const labelAliasSchema = z
  .object({
    alias: z.string(),
    labels: z.array(z.string()),
    created_by: z.string(),
    created_at: timeSchema,
    agents_count: z.int().describe("Agents here now that run what asks for it."),
  })
  .meta({ id: "LabelAlias" });
export type LabelAlias = z.infer<typeof labelAliasSchema>;
export const labelAliasPageSchema = pageOf(labelAliasSchema).meta({ id: "LabelAliasPage" });
export const labelAliasParamsSchema = z.object({
  alias: labelSchema
    .refine((label) => !/^pool:/i.test(label), { error: "labels that start with pool: are given by the farm" })
    .transform((text) => text.toLowerCase()),
});
export const ALIAS_LABELS_MAX = 16;
export const setLabelAliasSchema = z.strictObject({
  labels: ordinaryLabelsSchema.min(1).max(ALIAS_LABELS_MAX).describe("An agent needs all of them."),
});

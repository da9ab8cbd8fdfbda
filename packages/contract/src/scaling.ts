import * as z from "zod";
import { cursorSchema, limitSchema, timeOrNullSchema, timeSchema } from "./fields.ts";
import { pageOf } from "./page.ts";
import { providerSettingsSchema } from "./provider-settings.ts";
import { changeScalingPolicySchema, scalingPolicySchema } from "./scaling-policy.ts";

const directionSchema = z.enum(["up", "down", "hold"]);

export const scaleDecisionSchema = z
  .object({
    id: z.int(),
    at: timeSchema,
    direction: directionSchema,
    code: z.string().describe("The main cause, one word; listed in the manual."),
    reason: z.string().describe("The same as a sentence with its numbers."),
    desired: z.int(),
    made: z.int().describe("Agents asked of the provider."),
    ended: z.int(),
    starting: z.int().describe("When it was decided, as the following ones."),
    idle: z.int(),
    busy: z.int(),
    queued: z.int(),
  })
  .meta({ id: "ScaleDecision" });
export type ScaleDecisionJson = z.infer<typeof scaleDecisionSchema>;
export const scaleDecisionPageSchema = pageOf(scaleDecisionSchema).meta({ id: "ScaleDecisionPage" });

const percentSchema = z.number().min(0).max(100).nullable();
const waitsSchema = z
  .object({
    jobs_count: z.int(),
    p50_ms: z.number().nullable(),
    p95_ms: z.number().nullable(),
    p99_ms: z.number().nullable(),
    within_target_percent: percentSchema.describe("Jobs that started within the target wait."),
  })
  .meta({ id: "Waits" });
export type WaitsJson = z.infer<typeof waitsSchema>;

export const poolScalingSchema = z
  .object({
    pool: z.string(),
    scaling: scalingPolicySchema.nullable(),
    bounds: z
      .object({ min: z.int(), max: z.int(), warm_min: z.int() })
      .nullable()
      .describe("What holds at this hour; null of a pool that is not scaled."),
    provider: providerSettingsSchema.nullable(),
    desired: z.int().nullable().describe("Agents that are needed now."),
    reason: z.string().nullable().describe("What would be decided now, and why."),
    agents: z.object({
      starting: z.int(),
      idle: z.int(),
      busy: z.int(),
      draining: z.int(),
      suspect: z.int(),
      ending: z.int(),
    }),
    queued_jobs: z
      .int()
      .nullable()
      .describe("Queued jobs that this pool is to run; null of a pool that is not scaled."),
    soon_jobs: z.int().nullable().describe("Jobs whose needs run."),
    oldest_wait_ms: z.number().nullable(),
    start_ms: z.number().nullable().describe("How long a new agent is expected to take until it is there."),
    waits: z.object({ hour: waitsSchema, day: waitsSchema }).describe("From queued to granted."),
    warm_percent: percentSchema.describe(
      "Of the last day's grants, those to agents that had worked on the repository.",
    ),
    decisions: z.array(scaleDecisionSchema).describe("The last ones, the newest first."),
    provider_errors: z.array(
      z.object({
        machine: z.string(),
        state: z.string(),
        error: z.string(),
        at: timeSchema,
        retry_at: timeOrNullSchema,
      }),
    ),
  })
  .meta({ id: "PoolScaling" });
export type PoolScaling = z.infer<typeof poolScalingSchema>;

export const listScaleDecisionsQuerySchema = z.object({ limit: limitSchema, cursor: cursorSchema.optional() });

const SINCE_MS_MIN = 60_000;
const SINCE_MS_MAX = 30 * 24 * 3_600_000;
export const simulatePoolSchema = z.strictObject({
  scaling: changeScalingPolicySchema.optional().describe("The changes to try; the rest is as it is today."),
  since_ms: z
    .int()
    .min(SINCE_MS_MIN)
    .max(SINCE_MS_MAX)
    .default(24 * 3_600_000)
    .describe("How much history is replayed."),
});

const simulatedSchema = z
  .object({
    scaling: scalingPolicySchema.nullable(),
    waits: waitsSchema,
    agent_ms: z.number().describe("From the request for each agent until its end, together."),
    agents_max: z.int(),
    agents_made: z.int().nullable(),
  })
  .meta({ id: "Simulated" });
export type SimulatedJson = z.infer<typeof simulatedSchema>;

export const poolSimulationSchema = z
  .object({
    pool: z.string(),
    from: timeSchema,
    to: timeSchema,
    jobs_count: z.int(),
    is_cut: z.boolean().describe("There were more jobs: the newest of them were replayed."),
    start_ms: z.object({ usual: z.number(), slow: z.number() }).describe("How long agents take until they are there."),
    recorded: simulatedSchema.describe("What happened."),
    today: simulatedSchema.nullable().describe("Today's policy, replayed; null of a pool that is not scaled."),
    changed: simulatedSchema.describe("The changed policy, replayed."),
  })
  .meta({ id: "PoolSimulation" });
export type PoolSimulation = z.infer<typeof poolSimulationSchema>;

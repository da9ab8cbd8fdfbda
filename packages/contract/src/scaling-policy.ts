import { SCALING_POLICY_DEFAULT, type ScalingPolicy, type ScheduleWindow } from "@windrow/model";
import * as z from "zod";

export const POOL_AGENTS_MAX = 10_000;
export const SCHEDULE_WINDOWS_MAX = 32;
const IDLE_MS_MIN = 1_000;
const IDLE_MS_MAX = 7 * 24 * 3_600_000;
const TARGET_WAIT_MS_MAX = 24 * 3_600_000;

const countSchema = z.int().min(0).max(POOL_AGENTS_MAX);
const clockTimeSchema = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, { error: "a time of day as HH:MM" });
const timezoneSchema = z
  .string()
  .max(64)
  .refine(isTimezone, { error: "not a time zone; for example UTC or Europe/Berlin" });

const windowSchema = z
  .strictObject({
    days: z.array(z.int().min(0).max(6)).min(1).max(7).describe("0 is Sunday, 6 is Saturday."),
    from: clockTimeSchema,
    to: clockTimeSchema.describe("When it is not after `from`, the window goes over midnight."),
    timezone: timezoneSchema.default("UTC"),
    min: countSchema.optional(),
    max: countSchema.optional(),
    warm_min: countSchema.optional(),
  })
  .refine((window) => [window.min, window.max, window.warm_min].some((value) => value !== undefined), {
    error: "a window changes min, max or warm_min",
  });

const fields = {
  min: countSchema.describe("Agents, never fewer; 0 scales to zero."),
  max: countSchema.describe("Agents, never more."),
  warm_min: countSchema.describe("So many idle agents are kept ready beside those that work."),
  idle_ms: z.int().min(IDLE_MS_MIN).max(IDLE_MS_MAX).describe("An agent that is idle for longer is ended."),
  target_wait_ms: z.int().min(0).max(TARGET_WAIT_MS_MAX).describe("`target_percent` of the jobs start within this."),
  target_percent: z.number().min(1).max(100),
  is_ephemeral: z.boolean().describe("An agent takes one job and is gone."),
  windows: z.array(windowSchema).max(SCHEDULE_WINDOWS_MAX).describe("Other bounds at some hours; a later one wins."),
};

export const scalingPolicySchema = z.object(fields).meta({ id: "ScalingPolicy" });
export type ScalingPolicyJson = z.infer<typeof scalingPolicySchema>;
/** Fields that are left out stay as they are, or are the defaults where there was no policy. */
export const changeScalingPolicySchema = z.strictObject(fields).partial();
export type ChangeScalingPolicy = z.infer<typeof changeScalingPolicySchema>;

/** As the API shows it. */
export function encodeScalingPolicy(policy: ScalingPolicy): ScalingPolicyJson {
  return {
    min: policy.min,
    max: policy.max,
    warm_min: policy.warmMin,
    idle_ms: policy.idleMs,
    target_wait_ms: policy.targetWaitMs,
    target_percent: policy.targetPercent,
    is_ephemeral: policy.isEphemeral,
    windows: policy.windows.map(({ warmMin, days, ...window }) => ({
      ...window,
      days: [...days],
      ...(warmMin === undefined ? {} : { warm_min: warmMin }),
    })),
  };
}

/** The policy after a change of some of its fields. */
export function changeScalingPolicy(change: ChangeScalingPolicy, before: ScalingPolicy | null): ScalingPolicy {
  const base = before ?? SCALING_POLICY_DEFAULT;
  return {
    min: change.min ?? base.min,
    max: change.max ?? base.max,
    warmMin: change.warm_min ?? base.warmMin,
    idleMs: change.idle_ms ?? base.idleMs,
    targetWaitMs: change.target_wait_ms ?? base.targetWaitMs,
    targetPercent: change.target_percent ?? base.targetPercent,
    isEphemeral: change.is_ephemeral ?? base.isEphemeral,
    windows: change.windows?.map(toWindow) ?? base.windows,
  };
}

/** What contradicts itself in a policy, in a sentence; undefined when nothing does. */
export function findPolicyConflict(policy: ScalingPolicy): string | undefined {
  const own = conflictOf(policy.min, policy.max, policy.warmMin);
  if (own !== undefined) return `scaling: ${own}`;
  for (const [index, window] of policy.windows.entries()) {
    const { min = policy.min, max = policy.max, warmMin = policy.warmMin } = window;
    const found = conflictOf(min, max, warmMin);
    if (found !== undefined) return `scaling.windows[${index}]: ${found}`;
  }
  return undefined;
}

function conflictOf(min: number, max: number, warmMin: number): string | undefined {
  if (min > max) return `min (${min}) is more than max (${max})`;
  if (warmMin > max) return `warm_min (${warmMin}) is more than max (${max})`;
  return undefined;
}

function toWindow({ warm_min, min, max, ...window }: z.infer<typeof windowSchema>): ScheduleWindow {
  return {
    ...window,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(warm_min === undefined ? {} : { warmMin: warm_min }),
  };
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

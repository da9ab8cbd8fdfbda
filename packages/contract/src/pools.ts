import * as z from "zod";
import { timeOrNullSchema } from "./fields.ts";
import { pageOf } from "./page.ts";

export const poolSchema = z
  .object({
    name: z.string(),
    labels: z.array(z.string()),
    priority: z.int(),
    weight: z.int(),
    untrusted_allowed: z.boolean(),
    paused_at: timeOrNullSchema,
    paused_reason: z.string().nullable(),
    expiry_held_until: timeOrNullSchema,
    agents_count: z.int(),
    slots: z.int(),
    slots_used: z.int(),
  })
  .meta({ id: "Pool" });
export type Pool = z.infer<typeof poolSchema>;
export const poolPageSchema = pageOf(poolSchema).meta({ id: "PoolPage" });

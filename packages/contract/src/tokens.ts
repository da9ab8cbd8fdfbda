import * as z from "zod";
import { nameSchema, timeOrNullSchema, timeSchema } from "./fields.ts";
import { pageOf } from "./page.ts";
import { ROLES } from "./permissions.ts";

export const poolNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: "not a pool name" });

export const tokenSchema = z
  .object({
    id: z.string(),
    kind: z.enum(["user", "join"]),
    name: z.string(),
    prefix: z.string().describe("The first characters, to recognise it by."),
    role: z.enum(ROLES).nullable(),
    owner: z.string().nullable().describe("The only owner whose repositories it reaches; null reaches all."),
    pool: z.string().nullable(),
    uses_max: z.int().nullable(),
    uses_count: z.int(),
    expires_at: timeOrNullSchema,
    created_by: z.string(),
    created_at: timeSchema,
    last_used_at: timeOrNullSchema,
    revoked_at: timeOrNullSchema,
  })
  .meta({ id: "Token" });
export type Token = z.infer<typeof tokenSchema>;
export const tokenPageSchema = pageOf(tokenSchema).meta({ id: "TokenPage" });

const tokenNameSchema = z.string().min(1).max(100);
export const JOIN_TTL_SECONDS_MAX = 30 * 24 * 3600;

export const createTokenSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("user"),
    name: tokenNameSchema.describe("Who or what uses it; the actor of its pushes."),
    role: z.enum(ROLES).default("developer"),
    owner: nameSchema.optional(),
    ttl_seconds: z
      .int()
      .min(60)
      .max(3650 * 24 * 3600)
      .optional()
      .describe("Never expires when left out."),
  }),
  z.strictObject({
    kind: z.literal("join"),
    name: tokenNameSchema.default("join"),
    pool: poolNameSchema.default("default"),
    uses_max: z.int().min(1).max(10_000).default(1),
    ttl_seconds: z.int().min(60).max(JOIN_TTL_SECONDS_MAX).default(3600),
  }),
]);
export const createTokenAnswerSchema = z
  .object({
    token: tokenSchema,
    secret: z.string().describe("Shown this once."),
    join_url: z
      .string()
      .nullable()
      .default(null)
      .describe("Of a join token: where machines elsewhere join by HTTPS; null when the farm does not know."),
  })
  .meta({ id: "CreatedToken" });

export const listTokensQuerySchema = z.object({ kind: z.enum(["user", "join"]).optional() });
export const tokenParamsSchema = z.object({ token_id: z.uuid() });

import * as z from "zod";
import { reasonSchema, timeOrNullSchema, timeSchema } from "./fields.ts";
import { pageOf } from "./page.ts";
import { agentStateSchema } from "./states.ts";

export const agentSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    pool: z.string(),
    state: agentStateSchema,
    labels: z.array(z.string()),
    effective_labels: z
      .array(z.string())
      .default([])
      .describe("Its own, its pool's, and the aliases they cover, in lower case: what jobs may ask for."),
    toolchains: z
      .array(z.object({ name: z.string(), version: z.string() }))
      .default([])
      .describe("Tools of languages that run there, as they answered."),
    slots: z.int(),
    slots_used: z.int(),
    drain_reason: z.string().nullable(),
    hostname: z.string(),
    version: z.string(),
    target_version: z.string().default("").describe("What the farm hands out now."),
    is_outdated: z.boolean().default(false).describe("An upgrade would change its version."),
    is_upgradable: z.boolean().default(false).describe("It runs from a bundle that it can exchange by itself."),
    protocol_version: z.int(),
    created_at: timeSchema,
    connected_at: timeOrNullSchema,
    last_seen_at: timeOrNullSchema,
    removed_at: timeOrNullSchema,
    certificate_expires_at: timeOrNullSchema
      .default(null)
      .describe("It renews itself; null for an agent of an earlier version, which must join again."),
    disabled_at: timeOrNullSchema.default(null).describe("Set while it may do nothing; resuming enables it again."),
    disabled_reason: z.string().nullable().default(null),
    unfit_reason: z
      .string()
      .nullable()
      .default(null)
      .describe("Why it cannot run jobs as its pool asks, and takes none."),
    stopped_at: timeOrNullSchema
      .default(null)
      .describe("Set in state `lost` when the agent was stopped in order and left nothing behind."),
    jobs: z
      .array(z.object({ id: z.int(), run_id: z.int(), name: z.string(), repository: z.string(), state: z.string() }))
      .describe("What it holds now."),
  })
  .meta({ id: "Agent" });
export type Agent = z.infer<typeof agentSchema>;

export const agentPageSchema = pageOf(agentSchema).meta({ id: "AgentPage" });
export const listAgentsQuerySchema = z.object({
  pool: z.string().max(63).optional(),
  state: agentStateSchema.optional(),
});

export const agentParamsSchema = z.object({ agent: z.string().min(1).max(200).describe("Id or name.") });
export const drainAgentSchema = z.strictObject({ reason: reasonSchema.optional() });

export const agentNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, {
  error: "1 to 100 of A-Z a-z 0-9 . _ -, starting with a letter or digit",
});
export const LABELS_MAX = 64;
export const labelSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:+=/-]{0,99}$/, { error: "not a label" });

export const joinSchema = z.object({
  token: z.string().max(200).optional().describe("The join token, when it is not in the Authorization header."),
  name: agentNameSchema.optional().describe("Made from the host name when left out."),
  certificate_request: z
    .string()
    .min(1)
    .max(4096)
    .describe("PKCS#10, PEM, for a P-256 key of the agent's own; only its key and its signature are looked at."),
  nats_public_key: z.string().regex(/^U[A-Z2-7]{55}$/, { error: "the public half of a NATS user key (U…)" }),
  hostname: z.string().max(255),
  version: z.string().max(100),
  slots: z.int().min(1).max(1000).optional().describe("As many as its pool says when left out, or 1."),
  labels: z.array(labelSchema).max(LABELS_MAX),
});
export type Join = z.infer<typeof joinSchema>;

export const joinAnswerSchema = z
  .object({
    agent_id: z.string(),
    name: z.string(),
    pool: z.string(),
    certificate: z.string().describe("PEM. The agent shows it to controllers."),
    certificate_expires_at: timeSchema,
    authority: z
      .string()
      .describe("PEM of the farm's certificate authority, whose fingerprint the join token carries."),
    slots: z.int().default(1).describe("What was asked for, or what the pool says."),
    grpc_address: z.string(),
    nats_urls: z.array(z.string()),
    nats_jwt: z.string(),
  })
  .meta({ id: "Joined" });
export type JoinAnswer = z.infer<typeof joinAnswerSchema>;

export const renewalChallengeSchema = z.strictObject({ agent_id: z.uuid() });
export const renewalChallengeAnswerSchema = z
  .object({ challenge: z.string().describe("To be signed within a minute.") })
  .meta({ id: "RenewalChallenge" });

export const renewSchema = z.strictObject({
  agent_id: z.uuid(),
  challenge: z.string().max(200),
  proof: z.string().max(200).describe("Signature of the registered key over agent and challenge, base64url."),
});
export type Renew = z.infer<typeof renewSchema>;

export const renewAnswerSchema = z
  .object({
    certificate: z.string().describe("PEM, for the same key."),
    certificate_expires_at: timeSchema,
    nats_jwt: z.string(),
  })
  .meta({ id: "Renewed" });
export type RenewAnswer = z.infer<typeof renewAnswerSchema>;

import * as z from "zod";
import { timeSchema } from "./fields.ts";
import { PERMISSIONS, ROLES } from "./permissions.ts";

export const checkSchema = z
  .object({
    name: z.string(),
    state: z.enum(["ok", "warning", "failed"]),
    detail: z.string(),
    hint: z.string().optional(),
  })
  .meta({ id: "Check" });
export type Check = z.infer<typeof checkSchema>;

export const farmSchema = z
  .object({
    version: z.string(),
    public_url: z.string(),
    git_url: z.string(),
    grpc_address: z.string(),
    nats_urls: z.array(z.string()),
    time: timeSchema,
    controllers: z.array(
      z.object({
        id: z.string(),
        hostname: z.string(),
        version: z.string(),
        last_seen_at: timeSchema,
        answering: z.boolean(),
      }),
    ),
    checks: z.array(checkSchema),
  })
  .meta({ id: "Farm" });
export type Farm = z.infer<typeof farmSchema>;

export const whoamiSchema = z
  .object({
    kind: z.enum(["user", "join", "job"]),
    name: z.string(),
    role: z.enum(ROLES).nullable(),
    owner: z.string().nullable(),
    permissions: z.array(z.enum(PERMISSIONS)),
  })
  .meta({ id: "Whoami" });
export type Whoami = z.infer<typeof whoamiSchema>;

export const healthSchema = z
  .object({ state: z.enum(["ok", "starting", "stopping", "no_database"]) })
  .meta({ id: "Health" });

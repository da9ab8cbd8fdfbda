import * as z from "zod";
import { timeOrNullSchema, timeSchema } from "./fields.ts";

export const UPGRADES_AT_ONCE_MAX = 1_000;

export const startUpgradeSchema = z.strictObject({
  at_once: z.int().min(1).max(UPGRADES_AT_ONCE_MAX).default(1).describe("So many agents at the same time, at most."),
});

export const upgradeSchema = z
  .object({
    pool: z.string(),
    version: z.string().describe("What the agents are to be."),
    at_once: z.int(),
    state: z.enum(["running", "finished", "halted", "aborted"]),
    reason: z.string().describe("Why it was halted or aborted; empty otherwise."),
    requested_by: z.string(),
    started_at: timeSchema,
    ended_at: timeOrNullSchema,
    agents: z
      .array(
        z.object({
          id: z.string(),
          name: z.string(),
          state: z.enum(["draining", "upgrading", "upgraded", "skipped", "failed"]),
          from_version: z.string(),
          version: z.string().describe("What it is now."),
          problem: z.string().nullable(),
        }),
      )
      .describe("Those whose turn has come, in that order."),
    left: z
      .array(
        z.object({
          name: z.string(),
          version: z.string(),
          why: z
            .enum(["waiting", "away", "not_upgradable"])
            .describe("`not_upgradable`: it does not run from a bundle, so somebody has to update it by hand."),
        }),
      )
      .describe("Agents of another version whose turn has not come."),
  })
  .meta({ id: "Upgrade" });
export type Upgrade = z.infer<typeof upgradeSchema>;

export const installSchema = z
  .object({
    version: z.string().describe("Of the agent that it installs."),
    script_url: z.string(),
    script_sha256: z.string(),
    is_pinned: z
      .boolean()
      .describe("True when machines cannot check by themselves from whom the script is: compare its checksum."),
    platforms: z.array(z.string()),
  })
  .meta({ id: "Install" });
export type Install = z.infer<typeof installSchema>;

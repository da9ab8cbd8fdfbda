import { poolParamsSchema } from "../pools.ts";
import type { RouteDefinition } from "../route.ts";
import { installSchema, startUpgradeSchema, upgradeSchema } from "../upgrades.ts";

/** What agents are installed from, and how pools are brought to another version. */
export const UPGRADE_ROUTES = {
  viewInstall: {
    method: "GET",
    path: "/api/v1/install",
    summary: "The script that makes a machine an agent, built on first need",
    tag: "agents",
    permission: "agent:read",
    kind: "json",
    successStatus: 200,
    answer: installSchema,
  },
  startUpgrade: {
    method: "POST",
    path: "/api/v1/pools/:pool/upgrade",
    summary: "Bring a pool's agents to the controller's version, few at a time",
    tag: "pools",
    permission: "pool:manage",
    kind: "json",
    params: poolParamsSchema,
    body: startUpgradeSchema,
    successStatus: 202,
    answer: upgradeSchema,
  },
  viewUpgrade: {
    method: "GET",
    path: "/api/v1/pools/:pool/upgrade",
    summary: "The pool's latest upgrade",
    tag: "pools",
    permission: "pool:read",
    kind: "json",
    params: poolParamsSchema,
    successStatus: 200,
    answer: upgradeSchema,
  },
  abortUpgrade: {
    method: "DELETE",
    path: "/api/v1/pools/:pool/upgrade",
    summary: "End the pool's upgrade: agents that wait for their turn take work again",
    tag: "pools",
    permission: "pool:manage",
    kind: "json",
    params: poolParamsSchema,
    successStatus: 200,
    answer: upgradeSchema,
  },
} as const satisfies Record<string, RouteDefinition>;

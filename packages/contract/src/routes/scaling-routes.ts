import { poolParamsSchema } from "../pools.ts";
import type { RouteDefinition } from "../route.ts";
import {
  listScaleDecisionsQuerySchema,
  poolScalingSchema,
  poolSimulationSchema,
  scaleDecisionPageSchema,
  simulatePoolSchema,
} from "../scaling.ts";

/** How many agents pools have, and why. The policy itself is a field of the pool. */
export const SCALING_ROUTES = {
  viewPoolScaling: {
    method: "GET",
    path: "/api/v1/pools/:pool/scaling",
    summary: "How many agents a pool has and needs, how long its jobs wait, and the last decisions",
    tag: "pools",
    permission: "pool:read",
    kind: "json",
    params: poolParamsSchema,
    successStatus: 200,
    answer: poolScalingSchema,
  },
  listScaleDecisions: {
    method: "GET",
    path: "/api/v1/pools/:pool/decisions",
    summary: "Decisions about the size of a pool, the newest first",
    tag: "pools",
    permission: "pool:read",
    kind: "json",
    params: poolParamsSchema,
    query: listScaleDecisionsQuerySchema,
    successStatus: 200,
    answer: scaleDecisionPageSchema,
  },
  simulatePool: {
    method: "POST",
    path: "/api/v1/pools/:pool/simulate",
    summary: "Replay the recorded history of a pool against a changed policy; changes nothing",
    tag: "pools",
    permission: "pool:read",
    kind: "json",
    params: poolParamsSchema,
    body: simulatePoolSchema,
    successStatus: 200,
    answer: poolSimulationSchema,
  },
} as const satisfies Record<string, RouteDefinition>;

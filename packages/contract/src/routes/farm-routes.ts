import { farmSchema, healthSchema, whoamiSchema } from "../farm.ts";
import type { RouteDefinition } from "../route.ts";

/** Health, and the farm itself. */
export const FARM_ROUTES = {
  health: {
    method: "GET",
    path: "/healthz",
    summary: "Is the process alive?",
    tag: "health",
    permission: "none",
    kind: "json",
    successStatus: 200,
    answer: healthSchema,
  },
  ready: {
    method: "GET",
    path: "/readyz",
    summary: "Can it serve?",
    tag: "health",
    permission: "none",
    kind: "json",
    successStatus: 200,
    answer: healthSchema,
  },
  whoami: {
    method: "GET",
    path: "/api/v1/whoami",
    summary: "Who is this token, and what may it do?",
    tag: "farm",
    permission: "any",
    kind: "json",
    successStatus: 200,
    answer: whoamiSchema,
  },
  viewFarm: {
    method: "GET",
    path: "/api/v1/farm",
    summary: "Version, addresses and checks",
    tag: "farm",
    permission: "farm:read",
    kind: "json",
    successStatus: 200,
    answer: farmSchema,
  },
} as const satisfies Record<string, RouteDefinition>;

import type { RouteDefinition } from "./route.ts";
import { AGENT_ROUTES } from "./routes/agent-routes.ts";
import { AUDIT_ROUTES } from "./routes/audit-routes.ts";
import { FARM_ROUTES } from "./routes/farm-routes.ts";
import { JOB_ROUTES } from "./routes/job-routes.ts";
import { POOL_ROUTES } from "./routes/pool-routes.ts";
import { QUEUE_ROUTES } from "./routes/queue-routes.ts";
import { REPOSITORY_ROUTES } from "./routes/repository-routes.ts";
import { RUN_ROUTES } from "./routes/run-routes.ts";
import { SCALING_ROUTES } from "./routes/scaling-routes.ts";
import { TOKEN_ROUTES } from "./routes/token-routes.ts";
import { UPGRADE_ROUTES } from "./routes/upgrade-routes.ts";
import { VARIABLE_ROUTES } from "./routes/variable-routes.ts";

/** Every route of the HTTP API by its operation's name. The server starts no other route under `/api`. */
export const ROUTES = {
  ...FARM_ROUTES,
  ...REPOSITORY_ROUTES,
  ...RUN_ROUTES,
  ...JOB_ROUTES,
  ...AGENT_ROUTES,
  ...POOL_ROUTES,
  ...AUDIT_ROUTES,
  ...QUEUE_ROUTES,
  ...SCALING_ROUTES,
  ...TOKEN_ROUTES,
  ...UPGRADE_ROUTES,
  ...VARIABLE_ROUTES,
} as const satisfies Record<string, RouteDefinition>;

export type RouteName = keyof typeof ROUTES;

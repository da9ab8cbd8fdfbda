import { listControllers, listPoolViews } from "@windrow/store";
import type { ApiDeps } from "../api-deps.ts";
import { actorOf, permissionsOf } from "../principal.ts";
import type { RouteHandlers } from "../route-handler.ts";

type Names = "health" | "ready" | "whoami" | "viewFarm";

export function createFarmRoutes(deps: ApiDeps): Pick<RouteHandlers, Names> {
  const { db } = deps;
  return {
    async health() {
      return { state: deps.stopping.aborted ? "stopping" : "ok" };
    },

    async ready({ request, reply }) {
      if (deps.stopping.aborted) {
        reply.status(503);
        return { state: "stopping" };
      }
      try {
        await listPoolViews(db);
        return { state: "ok" };
      } catch (error) {
        request.log.warn({ err: error }, "not ready");
        reply.status(503);
        return { state: "no_database" };
      }
    },

    async whoami({ principal }) {
      return {
        kind: principal.kind,
        name: actorOf(principal),
        role: principal.kind === "user" ? principal.role : null,
        owner: principal.kind === "user" ? principal.owner : null,
        permissions: [...permissionsOf(principal)],
      };
    },

    async viewFarm() {
      const publicUrl = deps.links.publicUrl();
      const [controllers, checks] = await Promise.all([listControllers(db), deps.farm.check()]);
      return {
        version: deps.version,
        public_url: publicUrl,
        git_url: `${publicUrl}/git`,
        grpc_address: deps.grpcAddress(),
        nats_urls: [...deps.natsUrls],
        time: new Date(deps.clock.nowMs()).toISOString(),
        controllers: controllers.map((one) => ({ ...one, last_seen_at: one.last_seen_at.toISOString() })),
        checks: [...checks],
      };
    },
  };
}

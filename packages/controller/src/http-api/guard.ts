import type { Permission } from "@windrow/contract";
import { Refusal } from "@windrow/model";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Authenticator, readAuthorization } from "./authenticate.ts";
import { type Principal, permissionsOf } from "./principal.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /**
     * What the caller must be allowed. `any`: every token. `own`: the route's handler authenticates and decides itself.
     * `none`: open to everybody.
     */
    permission?: Permission | "any" | "own" | "none";
    /** People look at it in a browser: errors are pages, too. */
    isPage?: boolean;
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

/** Deny by default: no route starts without a declared permission, and no handler runs before it was checked. */
export function guardRoutes(app: FastifyInstance, authenticator: Authenticator): void {
  app.decorateRequest("principal", null);
  app.addHook("onRoute", (route) => {
    if (route.config?.permission === undefined) {
      throw new Error(`route ${String(route.method)} ${route.url} declares no permission`);
    }
  });
  app.addHook("onRequest", async (request) => {
    requireSameSite(request);
    const permission = request.routeOptions.config.permission;
    if (request.is404 || permission === "none" || permission === "own") return;
    const token = readAuthorization(request.headers.authorization);
    // its handler looks itself: the token may also stand in the body, which is not read yet
    if (permission === "agent:join") return;
    const principal = await authenticator.authenticate(token, request.ip);
    requirePermission(principal, permission);
    request.principal = principal;
  });
}

/** A browser that remembers a token sends it along with what another site makes it ask for. */
function requireSameSite(request: FastifyRequest): void {
  const { origin } = request.headers;
  if (origin === undefined || request.method === "GET" || request.method === "HEAD") return;
  if (URL.canParse(origin) && new URL(origin).host === request.host) return;
  throw new Refusal("not_allowed", "this request comes from a page of another site");
}

/** Throws `not_allowed` unless the caller's token may do this. */
export function requirePermission(principal: Principal, permission: Permission | "any" | undefined): void {
  if (permission === "any") return;
  if (permission !== undefined && permissionsOf(principal).includes(permission)) return;
  throw new Refusal("not_allowed", `this token may not do that (it lacks ${permission ?? "every permission"})`, {
    hint: "use a token with another role; an admin makes one with `windrow token create`",
  });
}

/** Throws `not_allowed` for a token that is bound to one owner: only an admin of the whole farm does this. */
export function requireWholeFarm(principal: Principal, does: string): void {
  if (principal.kind === "user" && principal.owner === null) return;
  throw new Refusal("not_allowed", `only an admin of the whole farm ${does}`);
}

export function requirePrincipal(request: FastifyRequest): Principal {
  if (request.principal === null) throw new Refusal("unauthenticated", "this needs a token");
  return request.principal;
}

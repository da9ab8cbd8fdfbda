import type { ROUTES, RouteAnswer, RouteBody, RouteName, RouteParams, RouteQuery } from "@windrow/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Principal } from "./principal.ts";

/** What a handler receives: already authorised and validated. */
export interface RouteCall<N extends RouteName> {
  readonly params: RouteParams<(typeof ROUTES)[N]>;
  readonly query: RouteQuery<(typeof ROUTES)[N]>;
  readonly body: RouteBody<(typeof ROUTES)[N]>;
  /** Throws on open routes, which have no caller. */
  readonly principal: Principal;
  readonly request: FastifyRequest;
  /** For handlers of `bytes` and `events` routes only. */
  readonly reply: FastifyReply;
}

/** One operation. `json` routes return their answer; the others answer through `reply`. */
export type RouteHandler<N extends RouteName> = (
  call: RouteCall<N>,
) => Promise<(typeof ROUTES)[N] extends { readonly answer: unknown } ? RouteAnswer<(typeof ROUTES)[N]> : void>;

/** Every operation has a handler, or the server does not compile. */
export type RouteHandlers = { readonly [N in RouteName]: RouteHandler<N> };

import { problemSchema, ROUTES, type RouteDefinition, type RouteName } from "@windrow/contract";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { requirePrincipal } from "./guard.ts";
import type { RouteCall, RouteHandlers } from "./route-handler.ts";

/** Registers every operation of the contract with its handler, its checks and its place in the OpenAPI document. */
export function registerRoutes(app: FastifyInstance, handlers: RouteHandlers): void {
  for (const name of routeNames()) register(app, name, handlers);
}

function register<N extends RouteName>(app: FastifyInstance, name: N, handlers: RouteHandlers): void {
  const route: RouteDefinition = ROUTES[name];
  const handler = handlers[name];
  app.route({
    method: route.method,
    url: route.path,
    config: { permission: route.permission },
    schema: {
      operationId: name,
      summary: route.summary,
      tags: [route.tag],
      ...(route.permission === "none" ? { security: [] } : {}),
      ...(route.params === undefined ? {} : { params: route.params }),
      ...(route.query === undefined ? {} : { querystring: route.query }),
      ...(route.body === undefined ? {} : { body: route.body }),
      response: {
        ...(route.answer === undefined ? {} : { [route.successStatus]: route.answer }),
        "4xx": problemSchema,
        "5xx": route.tag === "health" && route.answer !== undefined ? route.answer : problemSchema,
      },
    },
    // a request without a body means one without wishes
    preValidation: async (request: FastifyRequest) => {
      if (route.body !== undefined) request.body ??= {};
    },
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const call = {
        params: request.params,
        query: request.query,
        body: request.body,
        get principal() {
          return requirePrincipal(request);
        },
        request,
        reply,
      } as RouteCall<N>;
      const answer = await handler(call);
      if (route.kind !== "json") return reply;
      if (reply.statusCode === 200) reply.status(route.successStatus);
      return answer;
    },
  });
}

function routeNames(): RouteName[] {
  return Object.keys(ROUTES).filter((name): name is RouteName => name in ROUTES);
}

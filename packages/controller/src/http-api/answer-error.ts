import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { errorPage, PAGE_HEADERS } from "../page/layout.ts";
import { describeError } from "./problems.ts";

/** Every error of every route: a problem document, or a small page where a person looks at pages. */
export async function answerError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { problem, isBug } = describeError(error, request.id);
  if (isBug) request.log.error({ err: error, url: request.url }, "request failed");
  if (problem.status === 401) reply.header("www-authenticate", 'Basic realm="windrow", charset="UTF-8"');
  if (problem.status === 429) reply.header("retry-after", "60");
  if (problem.status === 503) reply.header("retry-after", "2");
  reply.status(problem.status);
  if (request.routeOptions.config.isPage === true) {
    return reply.headers(PAGE_HEADERS).serializer(String).send(errorPage(problem));
  }
  return reply.type("application/problem+json").serializer(JSON.stringify).send(problem);
}

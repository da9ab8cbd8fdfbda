import type { FastifyRequest } from "fastify";
import { actorOf, type Principal } from "../http-api/principal.ts";
import type { GitEnvironment } from "./git-environment.ts";
import type { BackendRequest } from "./http-backend.ts";

/** One request of git's smart HTTP protocol, authorised. */
export interface GitCall {
  readonly owner: string;
  readonly name: string;
  readonly service: "/info/refs" | "/git-upload-pack" | "/git-receive-pack";
  readonly writes: boolean;
  readonly principal: Principal;
  /** Whether there is such a repository. */
  readonly exists: boolean;
  readonly folder: string;
}

/** The CGI request for git. */
export function backendRequest(environment: GitEnvironment, call: GitCall, request: FastifyRequest): BackendRequest {
  const { headers } = request;
  const mark = request.url.indexOf("?");
  const encoding = headers["content-encoding"];
  const protocol = headers["git-protocol"];
  return {
    environment,
    folder: call.folder,
    service: call.service,
    method: request.method === "GET" ? ("GET" as const) : ("POST" as const),
    query: mark < 0 ? "" : request.url.slice(mark + 1),
    contentType: headers["content-type"],
    contentLength: headers["content-length"],
    contentEncoding: encoding === "gzip" || encoding === "x-gzip" ? "gzip" : undefined,
    gitProtocol: typeof protocol === "string" && /^[a-z0-9=:.]{1,100}$/.test(protocol) ? protocol : undefined,
    user: actorOf(call.principal),
    address: request.ip,
  };
}

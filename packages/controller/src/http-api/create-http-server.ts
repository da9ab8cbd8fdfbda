import { randomUUID } from "node:crypto";
import type { Server } from "node:https";
import swagger from "@fastify/swagger";
import type { BlobStore } from "@windrow/blobs";
import type { Service } from "@windrow/service";
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from "fastify";
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { Registry } from "prom-client";
import { registerGitRoutes } from "../git/git-routes.ts";
import type { PushGate } from "../git/push-gate.ts";
import { registerInstallRoutes } from "../install/install-routes.ts";
import { registerPages } from "../page/register-pages.ts";
import { listenSecurely, type SecureListenerOptions } from "../tls/listen-securely.ts";
import { answerError } from "./answer-error.ts";
import type { ApiDeps } from "./api-deps.ts";
import { guardRoutes } from "./guard.ts";
import { problem } from "./problems.ts";
import { registerRoutes } from "./register-routes.ts";
import { createAgentRoutes } from "./routes/agent-routes.ts";
import { createAliasRoutes } from "./routes/alias-routes.ts";
import { createAuditRoutes } from "./routes/audit-routes.ts";
import { createFarmRoutes } from "./routes/farm-routes.ts";
import { createFollowRoutes } from "./routes/follow-routes.ts";
import { createJobRoutes } from "./routes/job-routes.ts";
import { createLogRoutes } from "./routes/log-routes.ts";
import { createOwnerRoutes } from "./routes/owner-routes.ts";
import { createPoolRoutes } from "./routes/pool-routes.ts";
import { createQueueRoutes } from "./routes/queue-routes.ts";
import { createRepositoryRoutes } from "./routes/repository-routes.ts";
import { createRunRoutes } from "./routes/run-routes.ts";
import { createScalingRoutes } from "./routes/scaling-routes.ts";
import { createTokenRoutes } from "./routes/token-routes.ts";
import { createUpgradeRoutes } from "./routes/upgrade-routes.ts";
import { createVariableRoutes } from "./routes/variable-routes.ts";

const BODY_BYTES_MAX = 2 * 1024 * 1024;
const PARAM_CHARS_MAX = 500;
/** Requests under way may end by themselves this long when the server stops. */
const STOP_GRACE_MS = 5_000;

export interface HttpServerOptions extends Omit<ApiDeps, "stopping"> {
  readonly gate: PushGate;
  /** Holds the large files of git LFS. */
  readonly blobs: BlobStore;
  readonly metrics: Registry;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** The same by HTTPS, beside it. */
  readonly secure?: Omit<SecureListenerOptions, "logger">;
}

export interface HttpServer extends Service {
  /** The port in use once started. */
  readonly port: number;
  /** The port of HTTPS once started; undefined where that is not served. */
  readonly securePort: number | undefined;
}

/** HTTP API, git hosting, pages, metrics and health on one port. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const stopping = new AbortController();
  const deps: ApiDeps = { ...options, stopping: stopping.signal };
  let app: FastifyInstance | undefined;
  let port = options.port;
  let secureServer: Server | undefined;
  return {
    get port() {
      return port;
    },
    get securePort() {
      const address = secureServer?.address();
      return typeof address === "object" && address !== null ? address.port : undefined;
    },
    async start() {
      app = await build(options, deps);
      await app.listen({ host: options.host, port: options.port });
      const address = app.server.address();
      if (typeof address === "object" && address !== null) port = address.port;
      const { secure, logger } = options;
      const { routing } = app;
      if (secure !== undefined) secureServer = await listenSecurely({ ...secure, logger }, routing);
    },
    async stop() {
      if (app === undefined) return;
      stopping.abort();
      const closing = Promise.all([app.close(), secureServer === undefined ? undefined : close(secureServer)]);
      const patience = new AbortController();
      await Promise.race([closing, options.clock.sleep(STOP_GRACE_MS, patience.signal)]);
      patience.abort();
      app.server.closeAllConnections();
      secureServer?.closeAllConnections();
      await closing;
    },
  };
}

function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  return closed;
}

async function build(options: HttpServerOptions, deps: ApiDeps): Promise<FastifyInstance> {
  const logger: FastifyBaseLogger = options.logger;
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    routerOptions: { maxParamLength: PARAM_CHARS_MAX },
    forceCloseConnections: "idle",
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(async (request, reply) => {
    const answer = problem(
      "not_found",
      404,
      `there is nothing at ${request.method} ${request.url.slice(0, 200)}`,
      request.id,
    );
    return reply.status(404).type("application/problem+json").serializer(JSON.stringify).send(answer);
  });
  app.addHook("onSend", async (request, reply) => {
    reply.header("x-request-id", request.id).header("x-content-type-options", "nosniff");
  });
  guardRoutes(app, options.authenticator);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Windrow", version: options.version, description: "The build farm's HTTP API." },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
  });
  registerRoutes(app, {
    ...createFarmRoutes(deps),
    ...createRepositoryRoutes(deps),
    ...createRunRoutes(deps),
    ...createJobRoutes(deps),
    ...createLogRoutes(deps),
    ...createFollowRoutes(deps),
    ...createAgentRoutes(deps),
    ...createQueueRoutes(deps),
    ...createScalingRoutes(deps),
    ...createTokenRoutes(deps),
    ...createUpgradeRoutes(deps),
    ...createVariableRoutes(deps),
    ...createPoolRoutes(deps),
    ...createAliasRoutes(deps),
    ...createOwnerRoutes(deps),
    ...createAuditRoutes(deps),
  });
  app.get("/api/openapi.json", { config: { permission: "any" }, schema: { hide: true } }, async () => app.swagger());
  app.get("/metrics", { config: { permission: "metrics:read" }, schema: { hide: true } }, async (_request, reply) =>
    reply.type(options.metrics.contentType).send(await options.metrics.metrics()),
  );
  registerInstallRoutes(app, options.installer);
  registerPages(app, deps);
  await registerGitRoutes(app, { ...deps, gate: options.gate, blobs: options.blobs });
  return app;
}

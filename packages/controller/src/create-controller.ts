import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createFolderBlobStore } from "@windrow/blobs";
import { type Clock, type Logger, type Service, startInOrder } from "@windrow/service";
import {
  countOpenJobs,
  type DatabaseOptions,
  endPresence,
  findOpenAttemptByJobToken,
  migrate,
  openDatabase,
} from "@windrow/store";
import { type AgentServer, readNatsKeys, revokeAgentNatsUser, startAgentServer } from "@windrow/wire";
import { createParseWorker } from "@windrow/workflow";
import { NO_ACTION_SOURCES } from "./actions/action-rules.ts";
import { openActionTrees } from "./actions/action-trees.ts";
import { createActions } from "./actions/create-actions.ts";
import { createAgentApi } from "./agent-api/agent-api.ts";
import { createAgentAuthenticator } from "./agent-api/authenticate-agent.ts";
import { createAgentFence } from "./agent-api/fence-agents.ts";
import { createPolicyKeeper } from "./agent-api/keep-policies.ts";
import { createPlanMaker } from "./agent-api/plan-maker.ts";
import { createRenewBatch } from "./agent-api/renew-batch.ts";
import { createSegmentWriter } from "./agent-api/segment-writer.ts";
import { createSessionRegistry } from "./agent-api/session-registry.ts";
import { createStreamHashes } from "./agent-api/stream-hashes.ts";
import { connectControllerBus } from "./bus/connect-controller-bus.ts";
import { createFarmChecks } from "./check-farm.ts";
import { createGroupKeeper } from "./concurrency/keep-groups.ts";
import type { ControllerConfig } from "./config.ts";
import { createFarmPort } from "./create-farm-port.ts";
import { createDatabaseWatch } from "./database-watch.ts";
import { createDispatcher } from "./dispatch/create-dispatcher.ts";
import { createOfferSender } from "./dispatch/offer-sender.ts";
import { createPoolTerms } from "./dispatch/pool-terms.ts";
import { createRunChanges } from "./events/run-changes.ts";
import { createFarmAddresses, ownFarmAddresses } from "./farm-addresses.ts";
import { prepareGitEnvironment } from "./git/git-environment.ts";
import { createReaderPool } from "./git/reader-pool.ts";
import { ensureAdminToken } from "./http-api/admin-token.ts";
import { createAuthenticator } from "./http-api/authenticate.ts";
import { createHttpServer } from "./http-api/create-http-server.ts";
import { createLinks } from "./http-api/present/present-run.ts";
import { createAgentBundles } from "./install/agent-bundles.ts";
import { createInstaller } from "./install/create-installer.ts";
import { createIntake } from "./intake/create-intake.ts";
import { createLiveLogs } from "./logs/live-logs.ts";
import { readLog } from "./logs/read-log.ts";
import { createMachines } from "./machines/create-machines.ts";
import { createMetrics } from "./metrics.ts";
import { bracketed, grpcAddresses, ownUrl, PLAIN_ADDRESS } from "./own-addresses.ts";
import { registerQueueMetrics } from "./queue/queue-metrics.ts";
import type { Advanced } from "./runs/advance-run.ts";
import { createAnnouncer } from "./runs/announcer.ts";
import { createRunTexts } from "./runs/run-texts.ts";
import { createScaler } from "./scaling/create-scaler.ts";
import { createScalingMetrics } from "./scaling/scaling-metrics.ts";
import { createSharedFolders } from "./shared-folders.ts";
import { createSweeps } from "./sweeps/create-sweeps.ts";
import { endOrphanedAttempts } from "./sweeps/end-orphaned-attempts.ts";
import { natsTlsOf, openCertificates, toBuffers } from "./tls/open-certificates.ts";
import { createUpgradeKeeper } from "./upgrades/keep-upgrades.ts";

export const CONTROLLER_VERSION = "0.1.0";

export interface ControllerDeps {
  readonly config: ControllerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Controller {
  readonly port: number;
  readonly grpcPort: number;
  /** Made anew at every start: what `agents.session_controller` and pool leases name. */
  readonly controllerId: string;
  readonly url: string;
  /** Tells everybody what a transaction made outside of this controller's own parts has changed. */
  announce(advanced: Advanced): void;
  /** Resigns its pools, closes sessions politely, lets calls end. Idempotent. */
  stop(): Promise<void>;
}

/** Builds a whole controller and starts it, the database's schema first. Throws what kept it from starting. */
export async function startController({ config, clock, logger }: ControllerDeps): Promise<Controller> {
  const addresses = ownFarmAddresses(config);
  const controller = { id: randomUUID(), hostname: config.hostname, version: CONTROLLER_VERSION, addresses };
  const onError = (error: Error) => logger.warn({ err: error }, "a database connection broke");
  const { databaseUrl: connectionString, databaseConnectionsMax: connectionsMax } = config;
  const [certificates] = await Promise.all([
    openCertificates({ config, clock, logger }),
    migratePatiently({ connectionString, connectionsMax, onError }),
  ]);
  const db = openDatabase({ connectionString, connectionsMax, onError });
  const blobs = await createFolderBlobStore(join(config.dataDir, "blobs"));
  const environment = await prepareGitEnvironment({ dataDir: config.dataDir, path: config.path, nowMs: clock.nowMs() });
  const farmAddresses = createFarmAddresses({ db, clock, logger, own: addresses });
  const shared = createSharedFolders({ db, blobs, gitDir: environment.gitDir, controllerId: controller.id, clock });
  await shared.prove();
  await ensureAdminToken({ db, file: config.adminTokenFile });
  const natsKeys = config.nats === undefined ? undefined : await readNatsKeys(config.nats.keysFile);

  const trees = await openActionTrees({ dir: join(config.dataDir, "actions"), environment, clock });
  const actions = createActions({ db, environment, trees, logger, settings: config.actions ?? NO_ACTION_SOURCES });
  const metrics = createMetrics(async () => ({ ...(await countOpenJobs(db)) }));
  registerQueueMetrics(metrics.registry, db);
  const watch = createDatabaseWatch(clock);
  const texts = createRunTexts();
  const sessions = createSessionRegistry();
  const reader = createReaderPool(environment);
  const parser = createParseWorker();
  const natsTls = natsTlsOf(config, certificates);
  const bus =
    config.nats === undefined || natsKeys === undefined
      ? undefined
      : connectControllerBus({
          ...{ urls: config.nats.urls, keys: natsKeys, controllerId: controller.id, logger, metrics },
          ...natsTls,
        });
  const changes = createRunChanges({ bus, clock });
  const live = createLiveLogs({ bus, clock });
  const publicUrl = (): string => config.publicUrl ?? ownUrl(config, http);
  const links = createLinks(publicUrl);
  // the store keeps bytes as the agent shipped them; secrets are taken out there and, once the farm knows any, here
  const redact = (bytes: Uint8Array): Uint8Array => bytes;
  const logDeps = { db, blobs, redact };

  const announcer = createAnnouncer({
    bus,
    sessions,
    wakeDispatch: () => dispatcher.wake(),
    onRunChanged: (runId) => changes.notify(runId),
    onGroups: (groups) => keeper.wake(groups),
  });
  const ends = { db, publicUrl, texts };
  const keeper = createGroupKeeper({ ...ends, announcer, logger });
  const plans = createPlanMaker(ends);
  const offers = createOfferSender({
    ...ends,
    bus,
    sessions,
    metrics,
    logger,
    announcer,
    avoid: (agentId) => dispatcher.avoid(agentId),
  });
  const terms = createPoolTerms({ db, clock, controllerId: controller.id });
  const dispatcher = createDispatcher({
    db,
    clock,
    logger,
    metrics,
    bus,
    terms,
    onGranted(granted) {
      for (const lease of granted) offers.send(lease);
      plans.prepare(granted.map((lease) => lease.attemptId));
      for (const { runId } of granted) announcer.announceRun(runId);
    },
  });
  const scaler = createScaler({ db, clock, logger, terms, metrics: createScalingMetrics(metrics.registry, db) });
  const sweepDeps = { ...ends, clock, logger, metrics, announcer, blobs, controller };
  const { nats } = config;
  const revokeNatsUser =
    nats === undefined || natsKeys === undefined
      ? undefined
      : (userPublicKey: string, untilMs = clock.nowMs()) =>
          revokeAgentNatsUser({
            ...{ urls: nats.urls, keys: natsKeys, userPublicKey, nowMs: untilMs },
            ...natsTls,
          });
  const pushOpenOffers = () => offers.pushOpen();
  const sweeps = createSweeps({ ...sweepDeps, watch, sessions, pushOpenOffers, revokeNatsUser, keeper });

  const { authority } = certificates;
  const authenticator = createAgentAuthenticator({ db, watch, clock, authority: authority.cert });
  const fence = createAgentFence({ db, watch, clock, logger, controllerId: controller.id, sessions, authenticator });
  const hashes = createStreamHashes((attemptId, stream) => readLog(logDeps, { attemptId, stream, fromOffset: 0 }));
  const policies = createPolicyKeeper({ db, clock, logger, sessions });
  const api = createAgentApi({
    ...ends,
    policies,
    blobs,
    watch,
    clock,
    logger,
    metrics,
    announcer,
    bus,
    sessions,
    plans,
    actions,
    hashes,
    live,
    natsKeys,
    natsUrls: config.nats?.publicUrls ?? [],
    farmAddresses: farmAddresses.list,
    controllerId: controller.id,
    writer: createSegmentWriter({ db, blobs, watch, metrics }),
    renewals: createRenewBatch({
      db,
      watch,
      clock,
      onError: (error) => logger.warn({ err: error }, "heartbeats are answered from grace"),
    }),
    wakeDispatch: (pool) => dispatcher.wakeSoon(pool),
    onOfferAnswer: offers.take,
    onUpgradeProblem: (agentId, problem) => upgrades.takeProblem(agentId, problem),
  });

  const bundles = createAgentBundles({
    dir: join(config.dataDir, "install"),
    packageVersion: CONTROLLER_VERSION,
    clock,
    logger,
  });
  const shownByFarm = config.tls === undefined || config.tls.own !== undefined ? undefined : certificates;
  const installer = createInstaller({
    bundles,
    packageVersion: CONTROLLER_VERSION,
    publicUrl: links.publicUrl,
    authority: shownByFarm?.authority.cert,
  });
  const wakeDispatch = () => dispatcher.wake();
  const upgradeDeps = { db, clock, logger, bus, sessions, bundles, terms, wakeDispatch };
  const upgrades = createUpgradeKeeper({ ...upgradeDeps, controllerId: controller.id });

  const intake = createIntake({
    db,
    clock,
    logger,
    reader,
    environment,
    parser,
    actions,
    texts,
    publicUrl,
    runUrl: links.runUrl,
    tell(advanced) {
      for (const one of advanced) announcer.announce(one);
    },
  });
  let grpc: AgentServer | undefined;
  const grpcAddress = (): string => grpcAddresses(config, { port: grpc?.port ?? config.grpcPort });
  const farm = createFarmPort({
    ...ends,
    ...logDeps,
    bus,
    clock,
    logger,
    sessions,
    announcer,
    authenticator,
    live,
    changes,
    natsKeys,
    wakeDispatch: () => dispatcher.wake(),
    endOrphanedAttempts: () => endOrphanedAttempts(sweepDeps),
    revokeNatsUser: async (userPublicKey) => revokeNatsUser?.(userPublicKey),
    check: createFarmChecks({
      ...{ db, blobs, bus, shared, clock, dataDir: config.dataDir, gitEnv: environment.env },
      natsProbe:
        nats === undefined || natsKeys === undefined ? undefined : { urls: nats.urls, keys: natsKeys, ...natsTls },
      certificates: () => ({
        authority: certificates.authority.cert,
        farm: certificates.shown.farm.cert,
        people: certificates.shown.people.cert,
      }),
    }),
  });
  const http = createHttpServer({
    blobs,
    db,
    clock,
    logger,
    intake,
    gate: intake.gate,
    environment,
    reader,
    farm,
    links,
    metrics: metrics.registry,
    version: CONTROLLER_VERSION,
    installer,
    upgrades,
    grpcAddress,
    natsUrls: config.nats?.publicUrls ?? [],
    authenticator: createAuthenticator({
      ...{ db, clock },
      findJobToken: (hash) => findOpenAttemptByJobToken(db, hash),
      onWrong: (outcome) => metrics.wrongTokens.inc({ outcome }),
    }),
    authority,
    host: config.tls === undefined ? config.listen : PLAIN_ADDRESS,
    port: config.port,
    ...(config.tls !== undefined && {
      secure: { host: config.listen, certificates, port: config.tls.port, isOptional: config.tls.isOptional },
    }),
  });

  const machines = createMachines({
    ...{ db, config, clock, logger, terms, publicUrl },
    registry: metrics.registry,
    authorityFingerprint: authority.fingerprint,
    httpPort: () => http.port,
    removeAgent: async (agentId, reason) => farm.removeAgent({ agentId, reason, author: { actor: "windrow" } }),
  });
  const agentServer: Service = {
    async start() {
      const server = await startAgentServer({
        listen: `${bracketed(config.listen)}:${config.grpcPort}`,
        api,
        authenticate: authenticator.authenticate,
        logger,
        tls: { ...toBuffers(certificates.shown.farm), clientCa: Buffer.from(authority.cert) },
      });
      certificates.onChange((shown) => server.setCertificate(toBuffers(shown.farm)));
      grpc = server;
    },
    async stop() {
      sessions.endAll();
      await grpc?.stop();
    },
  };
  const parts: Service = {
    start: async () => undefined,
    async stop() {
      await keeper.stop();
      live.stop();
      changes.stop();
      reader.closeAll();
      await parser.close();
      await bus?.close();
      await endPresence(db, controller.id);
      await shared.withdraw();
      await db.destroy();
    },
  };
  // stopped in reverse: first no new work comes in, then pools are resigned, then agents leave, last the database
  const stop = await startInOrder([
    parts,
    certificates,
    farmAddresses,
    policies,
    fence,
    sweeps,
    agentServer,
    dispatcher,
    upgrades,
    scaler,
    machines,
    http,
    intake,
  ]);
  return {
    port: http.port,
    grpcPort: grpc?.port ?? config.grpcPort,
    url: publicUrl(),
    announce: announcer.announce,
    controllerId: controller.id,
    stop,
  };
}

/** On connections of its own: a controller may have to wait long for another one's migration. */
async function migratePatiently(options: DatabaseOptions): Promise<void> {
  const db = openDatabase({ ...options, isPatient: true });
  try {
    await migrate(db);
  } finally {
    await db.destroy();
  }
}

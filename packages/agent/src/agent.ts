import { randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { type ContainerEngine, type SlotUser, type StepBackend, sweepSites } from "@windrow/backends";
import {
  asInstanceId,
  type Confinement,
  JOB_POLICY_DEFAULT,
  type JobPolicy,
  type Refusal,
  type Toolchain,
} from "@windrow/model";
import { type Clock, type Logger, type Loop, startLoop } from "@windrow/service";
import {
  type AgentApiClient,
  type Cancel,
  type Offer,
  type OfferAnswer,
  PROTOCOL_VERSION,
  type SessionCall,
  type Upgrade,
  type Welcome,
} from "@windrow/wire";
import { createAgentActions } from "./actions/agent-actions.ts";
import { type AgentBus, createAgentBus } from "./agent-bus.ts";
import { DISK_SETTINGS_DEFAULT, type DiskSettings } from "./disk/disk-levels.ts";
import { startKeepRoom } from "./disk/keep-room.ts";
import { sweepRuntimes } from "./disk/sweep-runtimes.ts";
import { startDiskWatch } from "./disk/watch-disk.ts";
import { startGateway } from "./gateway/gateway.ts";
import { moveToTrash } from "./job/job-files.ts";
import type { JobMachine } from "./job/job-options.ts";
import type { AttemptMemory } from "./journal/attempt-memory.ts";
import { openJournal } from "./journal/journal.ts";
import type { HeldAttempt } from "./leases/held-attempt.ts";
import { createHeldAttempts } from "./leases/held-attempts.ts";
import { createLeaseKeeper } from "./leases/lease-keeper.ts";
import { createOfferTaker } from "./leases/take-offers.ts";
import { type LeaveRules, watchLeave } from "./leave-by-itself.ts";
import { createMirrors, type Mirrors } from "./mirrors/mirrors.ts";
import type { JobNetworksOptions } from "./network/create-job-networks.ts";
import type { JobNetworks } from "./network/job-network.ts";
import { type AttemptRunner, runAttempt } from "./run-attempt.ts";
import type { CertificateKeeper } from "./session/certificate-keeper.ts";
import { createConnection } from "./session/connection.ts";
import { createSessionLoop, type SessionMessage } from "./session/session-loop.ts";
import type { AgentFolders } from "./start/agent-folders.ts";
import type { Credential } from "./start/credential.ts";
import { findUnfitness } from "./start/find-unfitness.ts";
import { type MachineFacts, watchMachine } from "./start/watch-machine.ts";
import { sweepTrash } from "./sweep-trash.ts";

export interface AgentOptions {
  readonly credential: Credential;
  /** Keeps the agent's certificate fresh; absent where `connect` shows one that lasts. */
  readonly keeper?: CertificateKeeper;
  readonly natsSeed: string;
  /** Tried in turn. */
  readonly grpcAddresses: readonly string[];
  readonly controllerUrl: string;
  /** PEM of the farm's authority, for what is encrypted; undefined where nothing is, or by the machine's authorities. */
  readonly authority?: string | undefined;
  /** Instead of what the farm says. */
  readonly natsUrls?: readonly string[];
  readonly connect: (address: string) => AgentApiClient;
  readonly backend: StepBackend;
  /** Where jobs run whose pool does not say where; on the machine unless told. */
  readonly confinement?: Confinement;
  /** Why no job can be put into a sandbox here; undefined when they can, or nobody knows. */
  readonly sandboxProblem?: string | undefined;
  /** Makes the containers of jobs; absent where there is no engine. */
  readonly containers?: ContainerEngine | undefined;
  /** Absent where no job can have a network of its own. */
  readonly networks?: JobNetworks | undefined;
  /** Makes them, instead. */
  readonly openNetworks?: (
    of: Pick<JobNetworksOptions, "gateway" | "farmAddresses" | "poolName" | "stateDir" | "clock" | "logger">,
  ) => Promise<JobNetworks>;
  readonly folders: AgentFolders;
  readonly slotUsers: readonly (SlotUser | undefined)[];
  /** As whom the agent keeps its copies of repositories where jobs have users of their own; none are kept without. */
  readonly mirrorUser?: SlotUser | undefined;
  readonly slotsCount: number;
  readonly labels: readonly string[];
  /** Tools of languages that run here. */
  readonly toolchains?: readonly Toolchain[];
  /** Of looking at the machine again. */
  readonly lookEveryMs?: number;
  /** Looks at the machine again; absent where labels and toolchains never change. */
  readonly lookAtMachine?: () => Promise<MachineFacts>;
  readonly version: string;
  readonly machineEnv: { readonly [name: string]: string };
  readonly hasBash: boolean;
  readonly clock: Clock;
  readonly bootClockMs: () => number;
  readonly logger: Logger;
  /** Where Node is had from. */
  readonly npmRegistryUrl: string;
  /** Tools that came with the machine, laid out as in a tool cache. */
  readonly toolCacheDirs: readonly string[];
  /** What caches may take, and what stays free; the defaults unless told. */
  readonly disk?: DiskSettings;
  /** Where steps get their actions from; the controller unless told. */
  readonly openActions?: AttemptRunner["openActions"];
  /** The farm wants this agent to be another version; absent where it cannot exchange itself. */
  readonly onUpgrade?: ((upgrade: Upgrade, answer: SessionCall["send"]) => void) | undefined;
  /** When it goes without being asked; `onLeave` is called once, and is to drain and stop it. */
  readonly leave?: LeaveRules;
  readonly onLeave?: () => void;
  readonly onReady: (welcome: Welcome) => void;
  /** The farm wants nothing more to do with this agent; it has ended its jobs if they are not its any more. */
  readonly onRefused: (refusal: Refusal) => void;
}

/** A running agent. */
export interface Agent {
  /** Takes nothing new; resolves when every attempt is over. */
  drain(): Promise<void>;
  /** Takes nothing new, ends all steps, gives the jobs back to the queue; resolves when that is done, or cannot be now. */
  giveBack(): Promise<void>;
  /** Lets go of everything; jobs that still run go on under their supervisors until an agent comes back. */
  stop(): Promise<void>;
}

/** How long giving jobs back may take; what is not done by then is done by the next start. */
const GIVE_BACK_WAIT_MS = 15_000;
/** Why a stopping agent can take no job. */
const LEAVING = "it is being stopped, and goes when its jobs are over";
const STOP_WAIT_MS = 5_000;
/** Also how long trash is collected before a sweep. */
const TRASH_SWEEP_EVERY_MS = 60_000;
const TRASH_WAIT_MS = 2_000;

/** Starts an agent: cleans up after an earlier process, goes on with what that held, then takes offers. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { clock, bootClockMs, logger, folders, credential } = options;
  const journal = openJournal(folders.journalPath, logger);
  await sweepLeftovers(options, new Set(journal.remembered.keys()));
  const held = createHeldAttempts(options.slotsCount);
  const keeper = createLeaseKeeper(logger);
  const connection = createConnection({ clock, logger });
  const gateway = await startGateway({
    controllerUrl: options.controllerUrl,
    authority: options.authority,
    logger,
    portFile: join(folders.agentDir, "gateway-port"),
  });
  const { serverUrl, apiUrl, resultsUrl } = gateway;
  const { backend, machineEnv, hasBash } = options;
  const { containers, confinement = "host" } = options;
  const farm: FarmFacts = { addresses: [], policy: JOB_POLICY_DEFAULT, pool: "" };
  const networks =
    options.networks ??
    (await options.openNetworks?.({
      ...{ gateway, clock, logger, stateDir: folders.agentDir },
      farmAddresses: () => farm.addresses,
      poolName: () => farm.pool,
    }));
  const shared = {
    backend,
    containers,
    networks,
    confinement,
    machineEnv,
    hasBash,
    clock,
    bootClockMs,
    journal,
    keeper,
    logger,
  };
  const { npmRegistryUrl, toolCacheDirs } = options;
  const actions = await createAgentActions({ connection, folders, machineEnv, npmRegistryUrl, toolCacheDirs, clock });
  const openActions = options.openActions ?? actions.open;
  const { actionsDir } = folders;
  const mirrors = openMirrors(options, serverUrl);
  const toolDirs = [folders.toolsDir, ...toolCacheDirs];
  const machine: JobMachine = {
    ...shared,
    actionsDir,
    mirrors,
    toolDirs,
    agentName: credential.name,
    serverUrl,
    apiUrl,
    resultsUrl,
  };
  const running = new Set<Promise<void>>();
  const trashLoop: Loop = startLoop({
    name: "trash",
    everyMs: TRASH_SWEEP_EVERY_MS,
    clock,
    logger,
    async runOnce(signal) {
      await clock.sleep(TRASH_WAIT_MS, signal);
      await sweepTrash(folders);
    },
  });
  const settings = options.disk ?? DISK_SETTINGS_DEFAULT;
  const roomLoop: Loop = startKeepRoom({
    stores: [
      ...actions.stores,
      ...(mirrors === undefined
        ? []
        : [{ name: "mirrors", bytes: mirrors.bytes, drop: (bytesMax: number) => mirrors.dropMirrors(bytesMax) }]),
      ...(containers === undefined
        ? []
        : [
            {
              name: "images",
              bytes: () => containers.imageBytes(),
              drop: (bytesMax: number) => containers.dropImages(bytesMax),
            },
          ]),
    ],
    folder: folders.workRootDir,
    settings,
    sweepOld: async () => {
      const isRestored = [...journal.remembered.keys()].some((attemptId) => held.get(attemptId) !== undefined);
      // an attempt of an earlier process may use that process's own
      if (!isRestored) await sweepRuntimes(folders.runtimesDir);
    },
    clock,
    logger,
  });
  const disk = startDiskWatch({
    folders,
    settings,
    clock,
    logger,
    onLow() {
      trashLoop.wake();
      roomLoop.wake();
    },
    ownLackBytes: () => journal.lackBytes,
    onRoom: () => journal.catchUp(),
  });
  const mode: AgentMode = { draining: false, drainedByFarm: false, isReady: false, unfitness: undefined };

  const takeOffer = createOfferTaker({
    held,
    journal,
    keeper,
    bootClockMs,
    logger,
    isDraining: () => mode.draining || mode.drainedByFarm,
    isDiskFull: () => disk.isFull,
    isUnfit: () => mode.unfitness !== undefined,
    onAccepted: run,
  });
  const bus: AgentBus = createAgentBus({
    natsSeed: options.natsSeed,
    authority: options.authority,
    logger,
    onOffer: takeOffer,
    onCancel: cancel,
    onDrain: ({ draining }) => drainByFarm(draining),
  });
  let found: MachineFacts = { labels: options.labels, toolchains: options.toolchains ?? [] };
  const sessionLoop = createSessionLoop({
    addresses: options.grpcAddresses,
    connect: options.connect,
    ...(options.keeper !== undefined && { certificate: options.keeper }),
    hello: () => ({
      protocolVersion: PROTOCOL_VERSION,
      instanceId,
      agentVersion: options.version,
      slots: options.slotsCount,
      labels: found.labels,
      held: held.leases(),
      hostname: hostname(),
      toolchains: found.toolchains,
      ...(options.onUpgrade !== undefined && { isUpgradable: true }),
    }),
    heartbeat: () => ({ held: held.leases(), freeSlots: mode.draining || disk.isFull ? 0 : held.freeSlotsCount }),
    connection,
    clock,
    bootClockMs,
    logger,
    onWelcome,
    onHeartbeatReply(reply, sentAtBootMs) {
      keeper.heartbeatAnswered(reply, sentAtBootMs);
      if (reply.natsJwt !== undefined) bus.renew(reply.natsJwt);
    },
    onMessage,
    onRefused(refusal) {
      // A newer instance goes on with the jobs; in every other case they are not this agent's any more.
      for (const attempt of held.all())
        refusal.code === "conflict" ? attempt.abandon() : attempt.revoke(refusal.message);
      options.onRefused(refusal);
    },
  });
  const instanceId = asInstanceId(randomUUID());
  const runner: AttemptRunner = {
    machine,
    connection,
    held,
    gateway,
    folders,
    slotUsers: options.slotUsers,
    openActions,
    poolPolicy: () => farm.policy,
    onPolicy: (policy) => judgePolicy(policy, false),
    watchDisk: disk.watch,
    onTrash: () => trashLoop.wake(),
  };
  const jobs = { doneCount: 0 };
  let leaveLoop: Loop | undefined;

  function run(attempt: HeldAttempt, memory: AttemptMemory): void {
    let hasStarted = false;
    const onStarted = () => {
      hasStarted = true;
      // a second job would not be this agent's
      if (options.leave?.isOnce === true) mode.draining = true;
    };
    const done = runAttempt({ ...runner, onStarted }, attempt, memory);
    running.add(done);
    void done.finally(() => {
      running.delete(done);
      if (hasStarted) jobs.doneCount++;
      leaveLoop?.wake();
    });
  }

  /**
   * Says to the farm what this agent cannot do of it, where that changes something and after every welcome; answers it.
   */
  function judgePolicy(policy: JobPolicy, isWelcome: boolean): string | undefined {
    farm.policy = policy;
    const { sandboxProblem } = options;
    const unfitness = findUnfitness(policy, { confinement, sandboxProblem, networks }, farm.pool);
    if (unfitness === mode.unfitness && !(isWelcome && unfitness !== undefined)) return unfitness;
    if (unfitness !== mode.unfitness) {
      if (unfitness !== undefined)
        logger.error({ why: unfitness }, "no job is taken: this agent cannot do as its pool asks");
      else logger.info("jobs are taken again: this agent can do as its pool asks");
    }
    mode.unfitness = unfitness;
    // one that leaves stays what it said it is
    if (!mode.draining) sessionLoop.say({ kind: "unfit", problem: unfitness ?? "" });
    return unfitness;
  }

  /** Nothing is offered any more: each refusal would cost its job a moment. */
  function sayLeaving(): void {
    sessionLoop.say({ kind: "unfit", problem: LEAVING });
  }

  function onWelcome(welcome: Welcome): void {
    farm.addresses = welcome.farmAddresses;
    farm.pool = welcome.pool;
    judgePolicy(welcome.policy, true);
    if (mode.draining) sayLeaving();
    const { leaseTtlMs, leaseMarginMs, orphanGraceMs } = welcome;
    keeper.setTerms({ leaseTtlMs, leaseMarginMs, orphanGraceMs });
    drainByFarm(welcome.draining);
    for (const attemptId of welcome.revokedAttemptIds)
      held.get(attemptId)?.revoke("the lease ended while the agent was away");
    if (welcome.natsJwt !== undefined && welcome.natsUrls.length > 0) {
      bus.use({ agentId: welcome.agentId, urls: options.natsUrls ?? welcome.natsUrls, jwt: welcome.natsJwt });
    }
    if (!mode.isReady) options.onReady(welcome);
    mode.isReady = true;
  }

  function onMessage(message: SessionMessage, answer: SessionCall["send"]): void {
    if (message.kind === "offer") void answerOffer(message, answer);
    else if (message.kind === "cancel") cancel(message);
    else if (message.kind === "drain") drainByFarm(message.draining);
    else if (message.kind === "upgrade") options.onUpgrade?.(message, answer);
    else judgePolicy(message.policy, false);
  }

  async function answerOffer(offer: Offer, answer: SessionCall["send"]): Promise<void> {
    try {
      const taken: OfferAnswer = await takeOffer(offer);
      answer({ kind: "offerAnswer", ...taken });
    } catch (error) {
      logger.error({ err: error, attempt: offer.attemptId }, "an offer could not be answered");
    }
  }

  function cancel({ attemptId, leaseId, reason }: Cancel): void {
    const attempt = held.get(attemptId);
    if (attempt?.leaseId === leaseId) attempt.cancel(reason);
  }

  function drainByFarm(draining: boolean): void {
    if (draining !== mode.drainedByFarm) logger.info({ draining }, "drain changed by the farm");
    mode.drainedByFarm = draining;
  }

  for (const [attemptId, memory] of journal.remembered) {
    const { leaseId, jobId, attemptNo, slotNo } = memory.accepted;
    const identity = { attemptId, leaseId, jobId, attemptNo, slotNo, fence: BigInt(memory.accepted.fence) };
    const attempt = held.restore(identity, memory.finishing === undefined);
    // Nothing was renewed by this process yet: the supervisor's deadline stays as it is until something is.
    keeper.hold(attempt, 0);
    logger.info({ attempt: attemptId, job: jobId }, "going on with an attempt of an earlier process");
    run(attempt, memory);
  }
  options.keeper?.onRenewed(({ natsJwt }) => {
    if (natsJwt !== "") bus.renew(natsJwt);
    sessionLoop.reconnect();
  });
  await options.keeper?.start();
  await sessionLoop.start();
  const { lookAtMachine } = options;
  const machineLoop =
    lookAtMachine &&
    watchMachine({
      first: found,
      look: lookAtMachine,
      ...(options.lookEveryMs !== undefined && { everyMs: options.lookEveryMs }),
      onChange(facts) {
        const isEngineBack = facts.labels.includes("docker") && !found.labels.includes("docker");
        found = facts;
        // what it kept of jobs that ended while it was away
        if (isEngineBack && containers !== undefined) void sweepContainers(containers, heldIds(), logger);
        sessionLoop.reconnect();
      },
      clock,
      logger,
    });

  leaveLoop =
    options.leave &&
    watchLeave({
      rules: options.leave,
      clock,
      logger,
      look: () => ({ isReady: mode.isReady, heldCount: running.size, doneCount: jobs.doneCount }),
      onLeave: () => options.onLeave?.(),
    });

  async function allDone(waitMs = Number.POSITIVE_INFINITY): Promise<void> {
    const done = async () => {
      while (running.size > 0) await Promise.all(running);
    };
    if (waitMs === Number.POSITIVE_INFINITY) return done();
    const enough = new AbortController();
    await Promise.race([done(), clock.sleep(waitMs, enough.signal)]);
    enough.abort("done");
  }

  function heldIds(): ReadonlySet<string> {
    return new Set([...held.all()].map((attempt) => attempt.attemptId));
  }

  let stopped: Promise<void> | undefined;
  async function stopOnce(): Promise<void> {
    mode.draining = true;
    for (const attempt of held.all()) attempt.abandon();
    // What hangs is left as it is: the journal says what the next process has to do.
    await allDone(STOP_WAIT_MS);
    await disk.stop();
    await roomLoop.stop();
    await machineLoop?.stop();
    await leaveLoop?.stop();
    await trashLoop.stop();
    await options.keeper?.stop();
    await sessionLoop.stop();
    await bus.stop();
    await networks?.close();
    await mirrors?.stop();
    await gateway.stop();
    await backend.close();
    await containers?.close();
    await journal.close();
  }

  return {
    async drain() {
      mode.draining = true;
      // The farm hears of it before it offers anything else.
      sayLeaving();
      sessionLoop.heartbeatSoon();
      await allDone();
    },
    async giveBack() {
      mode.draining = true;
      sayLeaving();
      for (const attempt of held.all()) attempt.giveBack();
      await allDone(GIVE_BACK_WAIT_MS);
    },
    stop() {
      stopped ??= stopOnce();
      return stopped;
    },
  };
}

interface AgentMode {
  draining: boolean;
  drainedByFarm: boolean;
  isReady: boolean;
  /** Why no job is taken. */
  unfitness: string | undefined;
}

/** What the farm said last. */
interface FarmFacts {
  addresses: readonly string[];
  policy: JobPolicy;
  pool: string;
}

/** An engine that does not answer keeps what it has until it is back. */
async function sweepContainers(engine: ContainerEngine, keep: ReadonlySet<string>, logger: Logger): Promise<void> {
  try {
    const { containersEnded } = await engine.sweep(keep);
    if (containersEnded > 0) logger.info({ count: containersEnded }, "swept containers of earlier jobs");
  } catch (error) {
    logger.warn({ err: error }, "containers of earlier jobs are swept later");
  }
}

/**
 * None where one job is all that an agent does, and none without a user of their own: jobs of the agent's user could list
 * them all and write into them, and root would have to read what jobs pushed.
 */
function openMirrors(options: AgentOptions, gatewayUrl: string): Mirrors | undefined {
  const { mirrorUser: user, folders, machineEnv, clock, logger, leave } = options;
  if (leave?.isOnce === true || user === undefined) return undefined;
  const { mirrorsDir: dir, workRootDir } = folders;
  return createMirrors({ dir, workRootDir, gatewayUrl, path: machineEnv.PATH ?? "", user, clock, logger });
}

/** Ends jobs of an earlier process that the journal does not hold any more, and removes their folders. */
async function sweepLeftovers(options: AgentOptions, keepAttemptIds: ReadonlySet<string>): Promise<void> {
  const { backend, folders, logger } = options;
  const { workRootDir, trashDir, memoryFiles } = folders;
  const hasEngine = options.containers !== undefined && options.labels.includes("docker");
  if (hasEngine) await sweepContainers(options.containers, keepAttemptIds, logger);
  const receipts = await sweepSites({ backend, sitesDir: folders.sitesDir, keepAttemptIds });
  for (const attemptId of await readdir(workRootDir)) {
    if (!keepAttemptIds.has(attemptId)) moveToTrash(join(workRootDir, attemptId), trashDir, attemptId);
  }
  for (const attemptId of memoryFiles === undefined ? [] : await readdir(memoryFiles.rootDir)) {
    if (memoryFiles === undefined || attemptId.startsWith(".") || keepAttemptIds.has(attemptId)) continue;
    moveToTrash(join(memoryFiles.rootDir, attemptId), memoryFiles.trashDir, attemptId);
  }
  if (receipts.size > 0) logger.info({ count: receipts.size }, "swept jobs of an earlier process");
}

import { bootClockMs, createDockerEngine, prepareSlotUser, type SlotUser } from "@windrow/backends";
import { createLogger, type Logger, systemClock } from "@windrow/service";
import { createAgentApiClient } from "@windrow/wire";
import { type Agent, startAgent } from "./agent.ts";
import { clearAgent } from "./clear-agent.ts";
import { type AgentConfig, readConfig } from "./config.ts";
import { createJobNetworks } from "./network/create-job-networks.ts";
import { filesLinkOf, makeAgentFolders, sitesDirOf } from "./start/agent-folders.ts";
import { lockAgentFolder } from "./start/agent-lock.ts";
import { ConfigError } from "./start/config-error.ts";
import { establishIdentity } from "./start/establish-identity.ts";
import { clientTls } from "./start/farm-trust.ts";
import { findNpmRegistry } from "./start/find-npm-registry.ts";
import { isDisabled } from "./start/is-disabled.ts";
import { createMachineLook, ENGINE_LOOK_EVERY_MS } from "./start/look-at-machine.ts";
import { removeEmptyMemoryFolder } from "./start/memory-folder.ts";
import { openBackend } from "./start/open-backend.ts";
import { reachablePath } from "./start/reachable-path.ts";
import { runProgram } from "./start/run-program.ts";
import { MACHINE_LOOK_EVERY_MS } from "./start/watch-machine.ts";
import { createUpgrader, EXIT_UPGRADED } from "./upgrade/create-upgrader.ts";
import { readBundle } from "./upgrade/read-bundle.ts";

const SOURCE_VERSION = "0.1.0";
/** What service managers know as "the configuration is wrong: starting again will not help". */
const EXIT_CONFIG = 78;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger({ component: "agent", level: config.logLevel });
  const bundle = config.bundleDir === undefined ? undefined : readBundle(config.bundleDir);
  const version = bundle?.version ?? SOURCE_VERSION;
  const stop = createStopper(config, logger);
  const hasSlotUsers = process.getuid?.() === 0;
  if (config.clearOnly) {
    await clearAgent({ agentDir: config.agentDir, hasSlotUsers, logger });
    process.exit(0);
  }
  const folders = makeAgentFolders(config.agentDir, hasSlotUsers);
  lockAgentFolder(config.agentDir);
  const firstUser = await prepareUser(config, 0);
  const { PATH: path = "", ...env } = config.machineEnv;
  const machineEnv = { ...env, PATH: hasSlotUsers ? reachablePath(path) : path };
  const runner = { env: machineEnv, user: firstUser };
  const { backend, sandboxProblem } = await openBackend(config, folders, firstUser);
  const { dockerSocket } = config;
  const lookAtMachine = createMachineLook({
    ...{ runner, configured: config.labels, canSandbox: sandboxProblem === undefined, dockerSocket },
    ...{ clock: systemClock, logger },
  });
  const { labels, toolchains, cut } = await lookAtMachine();
  if (cut.length > 0) logger.warn({ labels: cut }, "labels that the farm does not take are left out");
  const { keys, keeper } = await establishIdentity({
    ...{ config, version, labels, clock: systemClock, logger },
    signal: stop.signal,
  });
  const { credential } = keeper;
  const { authority } = credential;
  const slotsCount = config.slotsCount ?? credential.slotsCount;

  if (config.joinOnly) {
    process.stdout.write(`joined as ${credential.name}\n`);
    process.exit(0);
  }
  const controllerUrl = config.controllerUrl ?? credential.controllerUrl;
  const onReplaced = () => stop.end(EXIT_UPGRADED);
  const upgrader =
    bundle && createUpgrader({ bundle, controllerUrl, authority, clock: systemClock, logger, onReplaced });

  const agent = await startAgent({
    credential,
    keeper,
    natsSeed: keys.nats.seed,
    grpcAddresses: config.grpcAddresses ?? credential.grpcAddress.split(","),
    controllerUrl,
    authority,
    ...(config.natsUrls !== undefined && { natsUrls: config.natsUrls }),
    connect: (address) => createAgentApiClient({ address, tls: clientTls(keeper.credential, keys.certificateKey) }),
    backend,
    confinement: config.backend,
    sandboxProblem,
    // whether it answers shows job by job; what it makes needs root
    containers:
      dockerSocket === undefined || !hasSlotUsers
        ? undefined
        : createDockerEngine({
            socket: dockerSocket,
            agentId: credential.agentId,
            agentDir: config.agentDir,
            subnet: config.jobSubnet,
          }),
    openNetworks: (of) =>
      createJobNetworks({ ...of, ...(config.jobSubnet !== undefined && { subnet: config.jobSubnet }) }),
    folders,
    slotUsers: [firstUser, ...(await prepareMoreUsers(config, slotsCount))],
    mirrorUser: hasSlotUsers ? await prepareSlotUser({ slotKey: `${config.agentDir}#mirrors` }) : undefined,
    slotsCount,
    labels,
    toolchains,
    lookAtMachine,
    lookEveryMs: dockerSocket === undefined || !hasSlotUsers ? MACHINE_LOOK_EVERY_MS : ENGINE_LOOK_EVERY_MS,
    version,
    onUpgrade:
      upgrader &&
      ((upgrade, answer) =>
        upgrader.take(upgrade, (problem) => answer({ kind: "upgradeProblem", version: upgrade.version, problem }))),
    machineEnv,
    npmRegistryUrl: findNpmRegistry({ configured: config.npmRegistryUrl, npmrcPaths: config.npmrcPaths }),
    toolCacheDirs: config.toolCacheDirs,
    disk: config.disk,
    hasBash: (await runProgram(["bash", "-c", ":"], runner)) !== undefined,
    clock: systemClock,
    bootClockMs,
    logger,
    onReady({ agentId, agentName, pool }) {
      upgrader?.welcomed();
      const ready = { msg: "ready", agent_id: agentId, name: agentName, pool, slots: slotsCount, labels };
      const sentence = `${agentName} takes work of pool ${pool}: ${slotsCount} at a time, labels ${labels.join(", ")}`;
      process.stdout.write(`${process.stdout.isTTY ? sentence : JSON.stringify(ready)}\n`);
    },
    leave: config.leave,
    onLeave: () => stop.leave(),
    onRefused(refusal) {
      const why = refusal.code === "conflict" ? "a newer process of this agent took over" : refusal.message;
      process.stderr.write(`windrow agent: the farm ended this agent: ${why}\n`);
      stop.end(refusal.code === "conflict" || isDisabled(refusal) ? 1 : EXIT_CONFIG);
    },
  });
  stop.watch(agent);
}

/** One unprivileged user per slot when the agent is root; else steps run as the agent itself. */
function prepareUser(config: AgentConfig, slotNo: number): Promise<SlotUser | undefined> {
  return prepareSlotUser({ slotKey: `${config.agentDir}#${slotNo}` });
}

async function prepareMoreUsers(config: AgentConfig, slotsCount: number): Promise<(SlotUser | undefined)[]> {
  const users: (SlotUser | undefined)[] = [];
  for (let slotNo = 1; slotNo < slotsCount; slotNo++) users.push(await prepareUser(config, slotNo));
  return users;
}

/**
 * First signal: drain. Second: give the jobs back. Third: leave them to their supervisors and go. With
 * WINDROW_AGENT_STOP=now the first signal gives back.
 */
function createStopper(config: AgentConfig, logger: Logger) {
  const starting = new AbortController();
  let agent: Agent | undefined;
  let signalsCount = config.stopAtOnce ? 1 : 0;
  let exitCode: number | undefined;

  async function end(code: number): Promise<void> {
    exitCode ??= code;
    await agent?.stop();
    for (const link of [sitesDirOf(config.agentDir), filesLinkOf(config.agentDir)]) removeEmptyMemoryFolder(link);
    process.exit(exitCode);
  }
  async function leaveAfter(work: Promise<void> | undefined): Promise<void> {
    await work;
    await end(0);
  }
  function act(): void {
    if (signalsCount === 1) {
      logger.info("draining: running jobs go on; a second signal gives them back");
      void leaveAfter(agent?.drain());
    } else if (signalsCount === 2) {
      logger.info("giving jobs back");
      void leaveAfter(agent?.giveBack());
    } else {
      void end(0);
    }
  }
  const onSignal = () => {
    signalsCount++;
    if (agent === undefined) starting.abort(new Error("the agent was stopped while it started"));
    else act();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return {
    signal: starting.signal,
    end: (code: number) => void end(code),
    /** It goes by itself: as after a first signal, unless one has come. */
    leave() {
      if (signalsCount > (config.stopAtOnce ? 1 : 0)) return;
      void leaveAfter(agent?.drain());
    },
    watch(started: Agent) {
      agent = started;
      if (exitCode !== undefined) void end(exitCode);
      else if (starting.signal.aborted) act();
    },
  };
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`windrow agent: ${message}\n`);
  process.exit(error instanceof ConfigError && !isDisabled(error) ? EXIT_CONFIG : 1);
});

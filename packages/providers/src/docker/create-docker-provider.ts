import type { ProviderSettings } from "@windrow/model";
import { failpoint } from "@windrow/service";
import type Docker from "dockerode";
import {
  type AgentProvider,
  LAST_WORDS_CHARS_MAX,
  MACHINES_PROVIDED_MAX,
  type MachineRequest,
  type ProvidedMachine,
} from "../agent-provider.ts";
import { limited } from "../limited-signal.ts";
import { checkMachineName, ProviderError } from "../provider-error.ts";
import { connectEngine, type EngineTls } from "./connect-engine.ts";
import { containerName, describeContainer, LABEL_FARM, LABEL_MACHINE, LABEL_POOL } from "./describe-container.ts";
import { explainEngine, statusOf } from "./engine-error.ts";
import { pullImage } from "./pull-image.ts";
import { readTail } from "./read-tail.ts";
import { packToken } from "./token-archive.ts";

export interface DockerProviderOptions {
  /** Stable; machines of other farms on the same engine are left alone. */
  readonly farmId: string;
  readonly settings: Extract<ProviderSettings, { kind: "docker" }>;
  /** For an engine on the network that asks for certificates. */
  readonly tls?: EngineTls;
  /** How long an agent may take to give its jobs back once asked. */
  readonly endGraceMs?: number;
}

const LIMIT_MS = 30_000;
/** An image may have to be pulled. */
const CREATE_LIMIT_MS = 600_000;
const END_GRACE_MS = 40_000;
const LOOK_EVERY_MS = 100;

/** Agents as containers of a Docker engine. */
export function createDockerProvider(options: DockerProviderOptions): AgentProvider {
  const { farmId, settings, endGraceMs = END_GRACE_MS } = options;
  const { socket, image } = settings;
  const engine = connectEngine(socket, options.tls);
  const explain = explainEngine(socket);
  const pulls = new Map<string, Promise<void>>();

  async function create(request: MachineRequest, signal: AbortSignal): Promise<void> {
    const known = await inspect(request.name, signal);
    if (known === undefined) {
      await makeContainer(request, signal);
      await failpoint("provider.begun");
    } else if (known.State.Status !== "created") return;
    const container = engine.getContainer(containerName(farmId, request.name));
    await container.putArchive(packToken(request.joinToken), { path: "/", abortSignal: signal });
    // of one that runs already: nothing
    await container.start({ abortSignal: signal });
    await failpoint("provider.made");
  }

  async function makeContainer(request: MachineRequest, signal: AbortSignal): Promise<void> {
    const description = { ...describeContainer({ farmId, settings, request }), abortSignal: signal };
    try {
      await engine.createContainer(description);
    } catch (error) {
      // another call of ours was quicker
      if (statusOf(error) === 409 && (await inspect(request.name, signal)) !== undefined) return;
      if (statusOf(error) !== 404) throw error;
      await pullOnce(signal);
      await engine.createContainer(description);
    }
  }

  /** Many machines may be waiting for the same image. */
  function pullOnce(signal: AbortSignal): Promise<void> {
    const under = pulls.get(image) ?? pullImage(engine, image, signal).finally(() => pulls.delete(image));
    pulls.set(image, under);
    return under;
  }

  /** Undefined when there is none. Throws when the name is another's. */
  async function inspect(name: string, signal: AbortSignal): Promise<Docker.ContainerInspectInfo | undefined> {
    try {
      const found = await engine.getContainer(containerName(farmId, name)).inspect({ abortSignal: signal });
      if (found.Config.Labels[LABEL_FARM] === farmId) return found;
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
    throw new ProviderError(`Docker at ${socket}: the container ${containerName(farmId, name)} is not this farm's`, {
      retryable: false,
    });
  }

  async function destroy(name: string, signal: AbortSignal): Promise<void> {
    const known = await inspect(name, signal);
    if (known === undefined) return;
    const container = engine.getContainer(known.Id);
    if (known.State.Running) {
      await orGone(() => container.stop({ t: Math.ceil(endGraceMs / 1_000), abortSignal: signal }));
    }
    await orGone(() => container.remove({ force: true, v: true, abortSignal: signal }));
    while ((await inspect(name, signal)) !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      signal.throwIfAborted();
    }
  }

  async function list(signal: AbortSignal): Promise<ProvidedMachine[]> {
    const found = await engine.listContainers({
      all: true,
      filters: { label: [`${LABEL_FARM}=${farmId}`] },
      limit: MACHINES_PROVIDED_MAX,
      abortSignal: signal,
    });
    return found.flatMap(({ Labels: labels, State: state }) => {
      const [name, pool] = [labels[LABEL_MACHINE], labels[LABEL_POOL]];
      if (name === undefined || pool === undefined) return [];
      return [{ name, pool, isAlive: !["exited", "dead", "removing"].includes(state) }];
    });
  }

  async function readLastWords(name: string, signal: AbortSignal): Promise<string> {
    const known = await inspect(name, signal);
    if (known === undefined) return "";
    return (await readTail(engine.getContainer(known.Id), signal)).slice(-LAST_WORDS_CHARS_MAX);
  }

  const limit = { explain, limitMs: LIMIT_MS };
  return {
    kind: "docker",
    async create(request, signal) {
      checkMachineName(request.name);
      const what = `making the container of ${request.name}`;
      await limited({ ...limit, what, limitMs: CREATE_LIMIT_MS, signal }, (ends) => create(request, ends));
    },
    async destroy(name, signal) {
      checkMachineName(name);
      const limitMs = LIMIT_MS + endGraceMs;
      await limited({ ...limit, what: `removing the container of ${name}`, limitMs, signal }, (ends) =>
        destroy(name, ends),
      );
    },
    list: (signal) => limited({ ...limit, what: `listing containers at ${socket}`, signal }, list),
    async readLastWords(name, signal) {
      checkMachineName(name);
      return limited({ ...limit, what: `reading the log of ${name}`, signal }, (ends) => readLastWords(name, ends));
    },
    close: async () => undefined,
  };
}

/** What is gone, going, or in the wanted state already is no error. */
async function orGone(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const status = statusOf(error);
    if (status !== 404 && status !== 304 && status !== 409) throw error;
  }
}

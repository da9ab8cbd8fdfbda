import {
  BackendFault,
  type ContainerSpec,
  type ContainersReceipt,
  type EngineProgress,
  type GraceSequence,
  type JobContainers,
  type ServiceSpec,
} from "@windrow/backends";
import type { JobNetwork } from "../network/job-network.ts";
import { whatWallLacks } from "./job-network.ts";
import type { RunJobOptions } from "./job-options.ts";

/** What of containers one job opens: its own and its services', or only the means for its Docker actions. */
export interface OpenContainers {
  readonly containers: JobContainers;
  /** For every process in them: how programs find the way out. */
  readonly networkEnv: { readonly [name: string]: string };
}

/** The containers of one job, opened once however often they are asked for. */
export interface JobEngine {
  /**
   * Those of the job, or found again after a restart of the agent. Throws as `ContainerEngine.open`, `container_gone` when
   * they went while the agent was away.
   */
  open(request: ContainersRequest, progress: EngineProgress): Promise<OpenContainers>;
  /** The same for a Docker action, opened when no other is. */
  forActions(progress: EngineProgress): Promise<OpenContainers>;
  readonly opened: OpenContainers | undefined;
  /** Ends them, whatever is open or being opened. Idempotent. */
  close(grace?: GraceSequence): Promise<ContainersReceipt>;
  detach(): void;
}

export interface ContainersRequest {
  readonly container?: ContainerSpec | undefined;
  readonly services: readonly ServiceSpec[];
}

const NO_ENGINE = "this agent has no Docker engine to make containers with";

/** Why no job of this pool, or of this agent, has containers; undefined where they may have some. */
export function whatContainersLack({ machine, policy }: Pick<RunJobOptions, "machine" | "policy">): string | undefined {
  if (!policy.containersAllowed) return "the job's pool allows no containers";
  return machine.containers === undefined ? NO_ENGINE : whatWallLacks({ machine, policy });
}

const NO_RECEIPT: ContainersReceipt = { containersEnded: 0, processesEnded: 0, leftCount: 0 };

export function createJobEngine(options: RunJobOptions): JobEngine {
  const { machine, attempt, memory, site, policy } = options;
  let opening: { readonly work: Promise<OpenContainers>; readonly signal: AbortSignal } | undefined;
  let opened: OpenContainers | undefined;
  let network: JobNetwork | undefined;
  let isClosed = false;
  /** An earlier process of the agent may have made some and died before it wrote that down. */
  let maySomeBeLeft = memory.opened !== undefined;

  async function openNow(request: ContainersRequest, progress: EngineProgress): Promise<OpenContainers> {
    const containers = await openOrAttach(request, progress);
    try {
      network = await openNetwork(containers, request, progress);
    } catch (error) {
      // what went wrong first is what people are told; what is left then, the job's end finds
      if (attempt.abandoned.aborted) containers.detach();
      else await containers.close().catch(() => containers.detach());
      throw error;
    }
    opened = { containers, networkEnv: network?.env ?? {} };
    return opened;
  }

  async function openOrAttach(request: ContainersRequest, progress: EngineProgress): Promise<JobContainers> {
    const engine = machine.containers;
    const lack = whatContainersLack(options);
    if (engine === undefined || lack !== undefined) throw new BackendFault("container_refused", lack ?? NO_ENGINE);
    if (memory.containersOpened === true) {
      const found = await engine.attach(site);
      if (found !== undefined) return found;
      throw new BackendFault("container_gone", "the job's containers ended while the agent was away");
    }
    // of an earlier process of the agent that was ended while it opened them
    if (memory.opened !== undefined) await engine.endRemains(site);
    maySomeBeLeft = true;
    const { limits, containers: allowances, egress } = policy;
    const hasOutside = egress.kind === "all";
    // nothing of the job runs outside the wall, not even while its services start
    if (machine.networks?.problem === undefined) await machine.networks?.prepareContainers();
    const made = await engine.open({ site, ...request, hasOutside, limits, allowances }, progress);
    machine.journal.append({ kind: "containers_opened", attemptId: attempt.attemptId });
    return made;
  }

  async function openNetwork(
    { networkPid: pid }: JobContainers,
    { services }: ContainersRequest,
    { signal }: EngineProgress,
  ): Promise<JobNetwork | undefined> {
    const { networks } = machine;
    if (networks === undefined || networks.problem !== undefined) return undefined;
    const { attemptId } = attempt;
    const { egress, farmAccess } = policy;
    const serviceNames = services.map(({ name }) => name);
    const own = { attemptId, pid, kind: "container" as const, egress, farmAccess, ports: [] };
    return networks.open({ ...own, serviceNames, signal, onRefused: (line) => options.logs.say(line) });
  }

  async function open(request: ContainersRequest, progress: EngineProgress): Promise<OpenContainers> {
    while (opening !== undefined) {
      const { work, signal } = opening;
      try {
        return await work;
      } catch (error) {
        // that another step was ended while it opened them is no word about this one
        if (!signal.aborted) throw error;
        progress.signal.throwIfAborted();
      }
    }
    if (isClosed) throw new BackendFault("container_gone", "the job's containers have been ended");
    // what failed for one Docker action may work for the next
    const work = openNow(request, progress).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    opening = { work, signal: progress.signal };
    return work;
  }

  return {
    open,
    forActions: (progress) => open({ services: [] }, progress),
    get opened() {
      return opened;
    },
    async close(grace) {
      isClosed = true;
      await opening?.work.catch(() => undefined);
      const log = { attempt: attempt.attemptId };
      await network?.close().catch((error: unknown) => {
        machine.logger.error({ err: error, ...log }, "a job's network could not be closed");
      });
      try {
        if (opened !== undefined) return await opened.containers.close(grace);
        const engine = maySomeBeLeft ? machine.containers : undefined;
        return engine === undefined ? NO_RECEIPT : await engine.endRemains(site);
      } catch (error) {
        // what the job did counts all the same; the guard ends its containers, and the next sweep
        machine.logger.error({ err: error, ...log }, "a job's containers could not be ended");
        // of a job that may never have had any there is nothing to say
        if (opening !== undefined || memory.containersOpened === true)
          options.logs.say("The job's containers could not be ended: the engine does not answer");
        return NO_RECEIPT;
      }
    },
    detach() {
      opened?.containers.detach();
    },
  };
}

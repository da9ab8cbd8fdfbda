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
  return machine.containers === undefined ? NO_ENGINE : undefined;
}

const NO_RECEIPT: ContainersReceipt = { containersEnded: 0, processesEnded: 0, leftCount: 0 };

export function createJobEngine(options: RunJobOptions): JobEngine {
  const { machine, attempt, memory, site, policy } = options;
  let opening: Promise<OpenContainers> | undefined;
  let opened: OpenContainers | undefined;
  let network: JobNetwork | undefined;
  let isClosed = false;

  async function openNow(request: ContainersRequest, progress: EngineProgress): Promise<OpenContainers> {
    const containers = await openOrAttach(request, progress);
    try {
      network = await openNetwork(containers, request, progress);
    } catch (error) {
      if (attempt.abandoned.aborted) containers.detach();
      else await containers.close();
      throw error;
    }
    opened = { containers, networkEnv: network?.env ?? {} };
    return opened;
  }

  async function openOrAttach(request: ContainersRequest, progress: EngineProgress): Promise<JobContainers> {
    const engine = machine.containers;
    if (engine === undefined || !policy.containersAllowed) {
      throw new BackendFault("container_refused", whatContainersLack(options) ?? NO_ENGINE);
    }
    if (memory.containersOpened === true) {
      const found = await engine.attach(site);
      if (found !== undefined) return found;
      throw new BackendFault("container_gone", "the job's containers ended while the agent was away");
    }
    // of an earlier process of the agent that was ended while it opened them
    if (memory.opened !== undefined) await engine.endRemains(site);
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

  function open(request: ContainersRequest, progress: EngineProgress): Promise<OpenContainers> {
    if (isClosed) throw new BackendFault("container_gone", "the job's containers have been ended");
    if (opening !== undefined) return opening;
    const mine = openNow(request, progress);
    opening = mine;
    // what failed for one Docker action may work for the next
    mine.catch(() => {
      if (opening === mine) opening = undefined;
    });
    return mine;
  }

  return {
    open,
    forActions: (progress) => open({ services: [] }, progress),
    get opened() {
      return opened;
    },
    async close(grace) {
      isClosed = true;
      await opening?.catch(() => undefined);
      try {
        await network?.close();
        if (opened !== undefined) return await opened.containers.close(grace);
        // an earlier process of the agent may have opened them
        const isOpened = memory.containersOpened === true && machine.containers !== undefined;
        return isOpened ? await machine.containers.endRemains(site) : NO_RECEIPT;
      } catch (error) {
        // what the job did counts all the same; the guard ends its containers, and the next sweep
        machine.logger.error({ err: error, attempt: attempt.attemptId }, "a job's containers could not be ended");
        options.logs.say("The job's containers could not be ended: the engine does not answer");
        return NO_RECEIPT;
      }
    },
    detach() {
      opened?.containers.detach();
    },
  };
}

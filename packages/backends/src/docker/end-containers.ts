import type Docker from "dockerode";
import type { ContainersReceipt } from "./container-engine.ts";
import { ifThere, orGone } from "./engine-connection.ts";
import { LABEL_AGENT, LABEL_ATTEMPT, LABEL_ROLE } from "./labels.ts";

/** The door's own: the first process of the job's container and its helper. */
const OWN_PROCESSES = 2;

/** All that stands under these labels: containers, networks, volumes. */
export function filterBy(agentId: string, attemptId?: string): { label: string[] } {
  return {
    label: [`${LABEL_AGENT}=${agentId}`, ...(attemptId === undefined ? [] : [`${LABEL_ATTEMPT}=${attemptId}`])],
  };
}

/** Ends what is left of attempts, of each one at a time: what another call is removing already is in this one's way. */
export class ContainerEnder {
  #docker: Docker;
  #agentId: string;
  #last = new Map<string, Promise<unknown>>();

  constructor(docker: Docker, agentId: string) {
    this.#docker = docker;
    this.#agentId = agentId;
  }

  async end(attemptId: string): Promise<ContainersReceipt> {
    const before = this.#last.get(attemptId);
    const own = (async () => {
      await before;
      return endContainers(this.#docker, this.#agentId, attemptId);
    })();
    const settled = own.catch(() => undefined);
    this.#last.set(attemptId, settled);
    try {
      return await own;
    } finally {
      if (this.#last.get(attemptId) === settled) this.#last.delete(attemptId);
    }
  }
}

/** Ends and removes what is left of one attempt. Idempotent; others' things are not touched. */
async function endContainers(docker: Docker, agentId: string, attemptId: string): Promise<ContainersReceipt> {
  const filters = filterBy(agentId, attemptId);
  const found = await docker.listContainers({ all: true, filters });
  const job = found.find(({ Labels, State }) => Labels[LABEL_ROLE] === "job" && State === "running");
  const processesEnded = job === undefined ? 0 : await countProcesses(docker.getContainer(job.Id));
  // the holder last: until then the others have the network that they know
  const isHolder = (one: Docker.ContainerInfo) => one.Labels[LABEL_ROLE] === "holder";
  for (const group of [found.filter((one) => !isHolder(one)), found.filter(isHolder)]) {
    await Promise.all(group.map(({ Id }) => orGone(() => docker.getContainer(Id).remove({ force: true, v: true }))));
  }
  for (const { Id } of await docker.listNetworks({ filters })) await orGone(() => docker.getNetwork(Id).remove());
  const { Volumes: volumes } = await docker.listVolumes({ filters });
  for (const { Name } of volumes ?? []) await orGone(() => docker.getVolume(Name).remove());
  const left = await docker.listContainers({ all: true, filters });
  return { containersEnded: found.length, processesEnded, leftCount: left.length };
}

/** The attempts that something of this agent's is there for. */
export async function listAttempts(docker: Docker, agentId: string): Promise<ReadonlySet<string>> {
  const filters = filterBy(agentId);
  const containers = await docker.listContainers({ all: true, filters });
  const networks = await docker.listNetworks({ filters });
  const { Volumes: volumes } = await docker.listVolumes({ filters });
  const labels = [...containers, ...networks, ...(volumes ?? [])].map((one) => one.Labels?.[LABEL_ATTEMPT]);
  return new Set(labels.filter((one) => one !== undefined));
}

async function countProcesses(container: Docker.Container): Promise<number> {
  try {
    const top = await ifThere(() => container.top({ ps_args: "-eo pid" }));
    const processes: unknown = top?.Processes;
    return Array.isArray(processes) ? Math.max(0, processes.length - OWN_PROCESSES) : 0;
  } catch {
    // it ended at this very moment, or this machine has no ps: a number for people, and nothing more
    return 0;
  }
}

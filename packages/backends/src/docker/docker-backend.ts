import { CONTAINER_ALLOWANCES_DEFAULT } from "@windrow/model";
import type { JobHandle, JobReceipt, JobSite, OpenJobOptions, StartStepOptions, StepBackend } from "../step-backend.ts";
import type { ContainerEngine, JobContainers } from "./container-engine.ts";

export interface DockerBackendOptions {
  readonly engine: ContainerEngine;
  /** Holds the supervisors; must be the host's. */
  readonly host: StepBackend;
  /** Every job's container is made of it. */
  readonly image: string;
}

/** A backend whose every job has a container of one image, in which all its steps run; the work folder is where it is outside. */
export function createDockerBackend({ engine, host, image }: DockerBackendOptions): StepBackend {
  return {
    name: "docker",
    async openJob(site, options) {
      const job = await host.openJob(site, options);
      try {
        return new ContainedJob(job, await engine.open(describe(site, image, options), quiet()));
      } catch (error) {
        await job.closeJob();
        throw error;
      }
    },
    async attachJob(site) {
      const job = await host.attachJob(site);
      if (job === undefined) return undefined;
      const containers = await engine.attach(site);
      if (containers !== undefined) return new ContainedJob(job, containers);
      job.detach();
      return undefined;
    },
    readRemains: (site) => host.readRemains(site),
    async endRemains(site) {
      const receipt = await host.endRemains(site);
      const { processesEnded, leftCount } = await engine.endRemains(site);
      return receipt && sum(receipt, { processesEnded, leftCount });
    },
    async close() {
      await host.close();
      await engine.close();
    },
  };
}

function describe(site: JobSite, image: string, { limits = {} }: OpenJobOptions) {
  return {
    site,
    container: {
      image,
      env: {},
      mounts: [{ source: site.workDir, target: site.workDir }],
      options: "",
      ports: [],
      volumes: [],
    },
    services: [],
    hasOutside: false,
    limits,
    allowances: CONTAINER_ALLOWANCES_DEFAULT,
  };
}

function quiet() {
  return { say: () => undefined, signal: new AbortController().signal };
}

function sum(receipt: JobReceipt, more: { readonly processesEnded: number; readonly leftCount: number }): JobReceipt {
  const processesEnded = receipt.processesEnded + more.processesEnded;
  return { ...receipt, processesEnded, leftCount: receipt.leftCount + more.leftCount };
}

class ContainedJob implements JobHandle {
  #job: JobHandle;
  #containers: JobContainers;

  constructor(job: JobHandle, containers: JobContainers) {
    this.#job = job;
    this.#containers = containers;
  }

  get site() {
    return this.#job.site;
  }

  get containment() {
    return this.#job.containment;
  }

  get supervisorPid() {
    return this.#job.supervisorPid;
  }

  startStep(options: StartStepOptions) {
    return this.#job.startStep({ ...options, isInContainer: true });
  }

  waitStep(stepNo: number, signal?: AbortSignal) {
    return this.#job.waitStep(stepNo, signal);
  }

  spoolPath(stepNo: number) {
    return this.#job.spoolPath(stepNo);
  }

  setDeadline(...args: Parameters<JobHandle["setDeadline"]>) {
    return this.#job.setDeadline(...args);
  }

  cancelStep(...args: Parameters<JobHandle["cancelStep"]>) {
    return this.#job.cancelStep(...args);
  }

  /** The supervisor first: it asks the steps to end, and then the container takes along what did not. */
  async closeJob(...args: Parameters<JobHandle["closeJob"]>) {
    const receipt = await this.#job.closeJob(...args);
    return sum(receipt, await this.#containers.close());
  }

  detach() {
    this.#containers.detach();
    this.#job.detach();
  }
}

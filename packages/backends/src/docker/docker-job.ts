import { CONTAINER_ALLOWANCES_DEFAULT, readContainerOptions } from "@windrow/model";
import { systemClock } from "@windrow/service";
import type Docker from "dockerode";
import { BackendFault } from "../backend-fault.ts";
import { readDoorFacts } from "../door/container-door.ts";
import { noteContainer } from "../door/guard.ts";
import { type CancelReceipt, defaultGrace, type GraceSequence, type JobSite, type StepExit } from "../step-backend.ts";
import type {
  ContainerSpec,
  ContainersReceipt,
  EngineProgress,
  JobContainer,
  JobContainers,
  RegistryCredentials,
  ServiceFacts,
} from "./container-engine.ts";
import { createContainer, startContainer } from "./create-container.ts";
import { describeContainer } from "./describe-container.ts";
import { filterBy } from "./end-containers.ts";
import { explainEngine, ifThere } from "./engine-connection.ts";
import type { EngineParts } from "./engine-parts.ts";
import { type PortForward, PortForwards } from "./forward-ports.ts";
import { isImageId } from "./image-name.ts";
import { LABEL_NAME, LABEL_ROLE, nameOf, type Owner } from "./labels.ts";
import { resolveVolumes } from "./resolve-volumes.ts";
import { StepContainer, spoolPath } from "./step-container.ts";

/** What `openJob` was told and a later process has to know. */
export interface JobSettings {
  readonly limits: { readonly memoryBytes?: number; readonly processesMax?: number };
  /** Of services on a network that leads nowhere. */
  readonly forwards: readonly PortForward[];
}

const LOOK_AGAIN_MS = 1_000;

/** Finds the containers of a job that were made before, also by another process; undefined when there are none. */
export async function findDockerJob(
  parts: EngineParts,
  site: JobSite,
  settings: JobSettings,
): Promise<DockerJob | undefined> {
  const { quick: docker, agentId } = parts;
  const found = await docker.listContainers({ all: true, filters: filterBy(agentId, site.attemptId) });
  const infos = await Promise.all(found.map(({ Id }) => ifThere(() => docker.getContainer(Id).inspect())));
  const there = infos.filter((one) => one !== undefined);
  const holder = there.find((one) => roleOf(one) === "holder");
  if (holder === undefined || !holder.State.Running) return undefined;
  const network = nameOf({ agentId, attemptId: site.attemptId });
  const forwards = new PortForwards();
  const addressOf = (service: string) => {
    const info = there.find((one) => roleOf(one) === "service" && labelOf(one, LABEL_NAME) === service);
    return info?.NetworkSettings.Networks[network]?.IPAddress ?? "";
  };
  const opened = await forwards.open(settings.forwards, addressOf);
  for (const { Image } of there) parts.wanted.add(site.attemptId, Image);
  const job = new DockerJob({ parts, site, settings: { ...settings, forwards: opened }, forwards, holder, there });
  try {
    job.findSteps(there);
  } catch (error) {
    job.detach();
    throw error;
  }
  return job;
}

export class DockerJob implements JobContainers {
  readonly networkPid: number;
  readonly network: string;
  readonly container: JobContainer | undefined;
  readonly services: ReadonlyMap<string, ServiceFacts>;
  readonly gone: AbortSignal;
  readonly settings: JobSettings;
  #forwards: PortForwards;
  #parts: EngineParts;
  #site: JobSite;
  #owner: Owner;
  #holderId: string;
  #steps = new Map<number, StepContainer>();
  #starting = new Map<number, Promise<void>>();
  #gone = new AbortController();
  #isClosed = false;
  #lettingGo = new AbortController();

  constructor(options: {
    readonly parts: EngineParts;
    readonly site: JobSite;
    readonly settings: JobSettings;
    readonly forwards: PortForwards;
    readonly holder: Docker.ContainerInspectInfo;
    readonly there: readonly Docker.ContainerInspectInfo[];
  }) {
    const { parts, site, holder, there } = options;
    this.#parts = parts;
    this.#site = site;
    this.settings = options.settings;
    this.#forwards = options.forwards;
    this.#owner = { agentId: parts.agentId, attemptId: site.attemptId };
    this.#holderId = holder.Id;
    this.networkPid = holder.State.Pid;
    this.network = nameOf(this.#owner);
    this.gone = this.#gone.signal;
    const own = there.find((one) => roleOf(one) === "job");
    this.container = own && { id: own.Id, facts: { ...readDoorFacts(site), env: readEnv(own) } };
    const services = there.filter((one) => roleOf(one) === "service");
    this.services = new Map(services.map((one) => [labelOf(one, LABEL_NAME), this.#describeService(one)]));
    if (own !== undefined) void this.#watch(parts.docker.getContainer(own.Id));
  }

  findSteps(there: readonly Docker.ContainerInspectInfo[]): void {
    for (const info of there.filter((one) => roleOf(one) === "step" && one.State.Status !== "created")) {
      const stepNo = Number(labelOf(info, LABEL_NAME));
      const step = new StepContainer({
        site: this.#site,
        stepNo,
        engine: this.#parts,
        containerId: info.Id,
        holderId: this.#holderId,
      });
      step.follow();
      this.#steps.set(stepNo, step);
    }
  }

  async pullImage(
    image: string,
    progress: EngineProgress,
    credentials?: RegistryCredentials,
  ): Promise<{ readonly id: string; readonly digest?: string }> {
    const pulled = await this.#parts.puller.pull({ image, credentials }, progress);
    this.#want(pulled.id);
    return pulled;
  }

  async buildImage(
    options: {
      readonly contextDir: string;
      readonly dockerfile: string;
      readonly args?: { readonly [name: string]: string };
    },
    progress: EngineProgress,
  ): Promise<{ readonly id: string }> {
    const { contextDir, dockerfile, args = {} } = options;
    const network = `container:${this.#holderId}`;
    const { limits } = this.settings;
    try {
      const built = await this.#parts.builder.build({ contextDir, dockerfile, args, network, limits }, progress);
      this.#want(built.id);
      return built;
    } catch (error) {
      throw explainEngine("the image could not be built", error, progress.signal);
    }
  }

  async startStep(options: { readonly stepNo: number; readonly spec: ContainerSpec }): Promise<void> {
    const { stepNo } = options;
    if (this.#steps.has(stepNo)) return;
    const starting = this.#starting.get(stepNo) ?? this.#start(options).finally(() => this.#starting.delete(stepNo));
    this.#starting.set(stepNo, starting);
    await starting;
  }

  async waitStep(stepNo: number, signal?: AbortSignal): Promise<StepExit> {
    return this.#stepOf(stepNo).wait(signal);
  }

  async cancelStep(stepNo: number, grace: GraceSequence = defaultGrace): Promise<CancelReceipt> {
    return this.#stepOf(stepNo).cancel(grace);
  }

  spoolPath(stepNo: number): string {
    return spoolPath(this.#site, stepNo);
  }

  async close(): Promise<ContainersReceipt> {
    this.#isClosed = true;
    this.#letGo();
    // the engine makes what it was asked for: not behind the back of who looks for what is to go
    await Promise.allSettled(this.#starting.values());
    try {
      return await this.#parts.ender.end(this.#site.attemptId);
    } catch (error) {
      throw explainEngine(`the containers of attempt ${this.#site.attemptId} could not be ended`, error);
    }
  }

  detach(): void {
    this.#letGo();
  }

  #letGo(): void {
    this.#lettingGo.abort();
    this.#forwards.close();
    for (const step of this.#steps.values()) step.detach();
    this.#parts.wanted.drop(this.#site.attemptId);
  }

  /** A job that nobody holds any more keeps no image from being dropped. */
  #want(imageId: string): void {
    if (!this.#lettingGo.signal.aborted) this.#parts.wanted.add(this.#site.attemptId, imageId);
  }

  #throwIfClosed(): void {
    if (this.#isClosed) throw new BackendFault("container_gone", "the job's containers have been ended");
  }

  async #start({ stepNo, spec }: { readonly stepNo: number; readonly spec: ContainerSpec }): Promise<void> {
    const { quick: docker } = this.#parts;
    this.#throwIfClosed();
    const owner = this.#owner;
    const image = isImageId(spec.image) ? spec.image : (await docker.getImage(spec.image).inspect()).Id;
    const found = readContainerOptions(spec.options, CONTAINER_ALLOWANCES_DEFAULT);
    if ("problem" in found) throw new BackendFault("container_refused", found.problem);
    const { options } = found;
    // a step of the job may put links into the folders that a volume names, so a container that starts later has none
    if (spec.volumes.length + options.volumes.length > 0) {
      throw new BackendFault("container_refused", "a step that is a container has no volumes of its own");
    }
    const request = { owner, site: this.#site, allowances: CONTAINER_ALLOWANCES_DEFAULT };
    const mounts = resolveVolumes({ ...request, mounts: spec.mounts, volumes: [] });
    try {
      const container = await createContainer({
        docker,
        name: nameOf(owner, "step", String(stepNo)),
        platform: options.platform,
        body: describeContainer({
          owner,
          role: "step",
          name: String(stepNo),
          image,
          spec,
          options,
          mounts,
          limits: this.settings.limits,
          network: `container:${this.#holderId}`,
        }),
      });
      const { State: state } = await container.inspect();
      this.#throwIfClosed();
      if (state.Status === "created") await startContainer(container);
      const { Id: id, State: started } = await container.inspect();
      if (started.Pid > 0) noteContainer(this.#site, { id, pid: started.Pid });
      const step = new StepContainer({
        site: this.#site,
        stepNo,
        engine: this.#parts,
        containerId: id,
        holderId: this.#holderId,
      });
      step.follow();
      this.#steps.set(stepNo, step);
    } catch (error) {
      throw explainEngine(`the container of step ${stepNo} could not be started`, error);
    }
  }

  #stepOf(stepNo: number): StepContainer {
    const step = this.#steps.get(stepNo);
    if (step !== undefined) return step;
    throw new BackendFault("step_unknown", `step ${stepNo} of attempt ${this.#site.attemptId} was not started`);
  }

  /** A container ends by itself when its first process is killed, and that is nobody's but the world's doing. */
  async #watch(container: Docker.Container): Promise<void> {
    const { signal } = this.#lettingGo;
    while (!signal.aborted) {
      try {
        await container.wait({ condition: "not-running", abortSignal: signal });
      } catch {
        // the engine went away, or the container has; the look below tells
      }
      if (signal.aborted) return;
      try {
        const found = await ifThere(() => container.inspect());
        if (found?.State.Running !== true) {
          const why = found?.State.OOMKilled === true ? ": it was out of memory" : "";
          this.#gone.abort(new BackendFault("container_gone", `the job's container ended by itself${why}`));
          return;
        }
      } catch {
        // no engine answers: it may come back with the container alive
      }
      await systemClock.sleep(LOOK_AGAIN_MS, signal);
    }
  }

  #describeService(info: Docker.ContainerInspectInfo): ServiceFacts {
    const ports: Record<string, string> = {};
    for (const [inside, bindings] of Object.entries(info.NetworkSettings.Ports ?? {})) {
      const outside = bindings?.[0]?.HostPort;
      if (outside !== undefined) ports[inside.replace(/\/tcp$/, "")] = outside;
    }
    const service = labelOf(info, LABEL_NAME);
    for (const { inside, outside } of this.settings.forwards.filter((one) => one.service === service))
      ports[inside] = outside;
    return { id: info.Id, network: this.network, ports };
  }
}

function roleOf(info: Docker.ContainerInspectInfo): string {
  return labelOf(info, LABEL_ROLE);
}

function labelOf(info: Docker.ContainerInspectInfo, name: string): string {
  return info.Config.Labels[name] ?? "";
}

function readEnv(info: Docker.ContainerInspectInfo): { [name: string]: string } {
  // a name alone is a variable that is not to be set
  const set = (info.Config.Env ?? []).filter((text) => text.includes("="));
  return Object.fromEntries(set.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]));
}

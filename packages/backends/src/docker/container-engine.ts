import type { ContainerAllowances, JobLimits } from "@windrow/model";
import type { CancelReceipt, GraceSequence, JobSite, StepExit } from "../step-backend.ts";

export interface ContainerMount {
  /** On the machine; absolute. */
  readonly source: string;
  /** In the container; absolute. */
  readonly target: string;
  readonly isReadOnly?: boolean;
}

export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
}

/** What a container is made of; every text is final. */
export interface ContainerSpec {
  /** `name[:tag|@digest]`, or the id that `buildImage` or `pullImage` answered. */
  readonly image: string;
  readonly env: { readonly [name: string]: string };
  readonly mounts: readonly ContainerMount[];
  /** As the workflow writes it, for `docker create`; read by an allow-list (`readContainerOptions`). */
  readonly options: string;
  /** `[[ip:]host:]container[/protocol]`. */
  readonly ports: readonly string[];
  /** As the workflow writes them: `name:/path`, `/path`, `/path:/path[:ro]`. */
  readonly volumes: readonly string[];
  readonly credentials?: RegistryCredentials | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly command?: readonly string[] | undefined;
  /** Folder in the container. */
  readonly cwd?: string | undefined;
}

export interface ServiceSpec extends ContainerSpec {
  /** Its host name on the job's network. */
  readonly name: string;
}

/** Where words about long work go: lines for the job's log. */
export interface EngineProgress {
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface JobContainersRequest {
  readonly site: JobSite;
  /** The job's own container, in which its steps run; absent for jobs that only have services or Docker actions. */
  readonly container?: ContainerSpec | undefined;
  readonly services: readonly ServiceSpec[];
  /** False: the job's network leads nowhere; what the job may reach is offered on its loopback. */
  readonly hasOutside: boolean;
  /** Each container of the job. */
  readonly limits: Pick<JobLimits, "memoryBytes" | "processesMax">;
  readonly allowances: ContainerAllowances;
}

/** An engine whose containers this agent makes; one per agent. */
export interface ContainerEngine {
  /**
   * Pulls images, makes the job's network, starts its services, waits until those with a health check are healthy, and
   * starts the job's own container. All or nothing. Throws `BackendFault`: `container_refused` for what the workflow asks
   * wrongly or may not have (the job's fault: a sentence for people), `image_missing` where a registry says there is no
   * such image or no access, `service_failed` with the last lines of the service's log, `engine_failed` when the world broke.
   */
  open(request: JobContainersRequest, progress: EngineProgress): Promise<JobContainers>;
  /** Those opened earlier, also by a process that has died since; undefined when there are none. */
  attach(site: JobSite): Promise<JobContainers | undefined>;
  /** Ends the containers and the network of a job nobody is attached to. Idempotent. */
  endRemains(site: Pick<JobSite, "attemptId">): Promise<ContainersReceipt>;
  /** Ends those of all jobs of this agent but these. */
  sweep(keepAttemptIds: ReadonlySet<string>): Promise<ContainersReceipt>;
  /** Bytes of images that this agent pulled or built, and of what it may drop now. */
  imageBytes(): Promise<number>;
  /** Drops images that this agent pulled or built, used longest ago first, until at most so many bytes are left; never one in use. */
  dropImages(bytesMax: number): Promise<{ readonly droppedCount: number; readonly bytes: number }>;
  close(): Promise<void>;
}

/** The containers of one open job. */
export interface JobContainers {
  /** A process in the network namespace that the job's container and its Docker actions share (see `listenInside`). */
  readonly networkPid: number;
  /** The engine's name of the job's network, for `job.container.network`. */
  readonly network: string;
  readonly container: JobContainer | undefined;
  readonly services: ReadonlyMap<string, ServiceFacts>;
  /** Aborts, with a `BackendFault` `container_gone`, when the job's container ended by itself; nothing can run in it any more. */
  readonly gone: AbortSignal;
  /** The image's id, and its digest where it came from a registry. Throws as `open` does. */
  pullImage(
    image: string,
    progress: EngineProgress,
    credentials?: RegistryCredentials,
  ): Promise<{ readonly id: string; readonly digest?: string }>;
  /** By the engine, from a folder of the machine; the same content builds once. Its output goes to `progress`. */
  buildImage(
    options: {
      readonly contextDir: string;
      /** Below `contextDir`. */
      readonly dockerfile: string;
      /** Values of its arguments. */
      readonly args?: { readonly [name: string]: string };
    },
    progress: EngineProgress,
  ): Promise<{ readonly id: string }>;
  /** Runs a step that is a container of its own, on the job's network. Idempotent per `stepNo`, as `JobHandle.startStep`. */
  startStep(options: { readonly stepNo: number; readonly spec: ContainerSpec }): Promise<void>;
  waitStep(stepNo: number, signal?: AbortSignal): Promise<StepExit>;
  /** Throws `step_unknown`. */
  cancelStep(stepNo: number, grace?: GraceSequence): Promise<CancelReceipt>;
  /** Byte for byte what the container wrote, both streams; there once `startStep` returned. */
  spoolPath(stepNo: number): string;
  /** Ends all of them, and the network. Idempotent. Built and pulled images stay. */
  close(grace?: GraceSequence): Promise<ContainersReceipt>;
  /** Lets go; the containers go on. */
  detach(): void;
}

export interface ContainersReceipt {
  readonly containersEnded: number;
  /** Processes that were alive in the job's own container when ending began, but the two of ours. */
  readonly processesEnded: number;
  readonly leftCount: number;
}

export interface ServiceFacts {
  readonly id: string;
  readonly network: string;
  /** Container port to port of the machine's loopback, where they were published: for `job.services.x.ports`. */
  readonly ports: { readonly [containerPort: string]: string };
}

export interface JobContainer {
  readonly id: string;
  readonly facts: ContainerFacts;
}

/** What a container says of itself when its first process has started. */
export interface ContainerFacts {
  readonly uid: number;
  readonly gid: number;
  /** Of the image. */
  readonly env: { readonly [name: string]: string };
  /** Of `bash git node python python3 pwsh setsid env`, those that are there. */
  readonly tools: readonly string[];
  /** Its programs are linked against musl: the agent's Node does not run there. */
  readonly isMusl: boolean;
}

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import { BackendFault } from "../backend-fault.ts";
import { JOB_SUBNET_DEFAULT } from "../network/job-range.ts";
import type { JobSite } from "../step-backend.ts";
import { ImageBuilder } from "./build-image.ts";
import type { ContainerEngine, ContainersReceipt, RegistryCredentials } from "./container-engine.ts";
import { findDockerJob, type JobSettings } from "./docker-job.ts";
import { dropImages, sumImages } from "./drop-images.ts";
import { ContainerEnder, listAttempts } from "./end-containers.ts";
import { connectDocker, explainEngine } from "./engine-connection.ts";
import { type EngineParts, WantedImages } from "./engine-parts.ts";
import { ImageLedger } from "./image-ledger.ts";
import { openJob } from "./open-job.ts";
import { ImagePuller } from "./pull-image.ts";

export interface DockerEngineOptions {
  /** `unix:///…`: the engine runs on this machine, or nothing it mounts would be there. */
  readonly socket: string;
  /** Stands on everything that is made, so that the agents of one machine leave each other's alone. */
  readonly agentId: string;
  /** The agent's own (mode 700): remembers which images it brought here. */
  readonly agentDir: string;
  /** IPv4, /24 or larger; jobs get /28 networks out of its upper half. */
  readonly subnet?: string | undefined;
  /** For registries that jobs name no credentials for, by host (`docker.io` for images without one). */
  readonly registryAuth?: Readonly<Record<string, RegistryCredentials>> | undefined;
  /** How long to wait before a registry that could not be reached is asked again; a second unless told. */
  readonly retryFirstMs?: number | undefined;
  /** How long the engine may take to say how its containers are, or to end them; two minutes unless told. */
  readonly answerMsMax?: number | undefined;
}

const ANSWER_MS_MAX = 120_000;

const NOTHING: ContainersReceipt = { containersEnded: 0, processesEnded: 0, leftCount: 0 };

/** A Docker engine of this machine, for the jobs of one agent. Needs root. Nothing is asked of the engine before `open`. */
export function createDockerEngine(options: DockerEngineOptions): ContainerEngine {
  const { agentId, agentDir, subnet = JOB_SUBNET_DEFAULT, registryAuth = {}, retryFirstMs } = options;
  const docker = connectDocker(options.socket);
  const quick = connectDocker(options.socket, { answerMsMax: options.answerMsMax ?? ANSWER_MS_MAX });
  const tempDir = join(agentDir, "images");
  mkdirSync(tempDir, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(tempDir)) if (name.endsWith(".tar")) rmSync(join(tempDir, name), { force: true });
  const ledger = new ImageLedger(tempDir);
  const puller = new ImagePuller({ docker, ledger, registryAuth, retryFirstMs });
  const parts: EngineParts = {
    docker,
    quick,
    ender: new ContainerEnder(quick, agentId),
    agentId,
    subnet,
    ledger,
    puller,
    builder: new ImageBuilder({ docker, ledger, puller, agentId, agentDir: tempDir, registryAuth }),
    wanted: new WantedImages(),
  };
  const end = (attemptId: string) =>
    explained(`the containers of attempt ${attemptId} could not be ended`, () => parts.ender.end(attemptId)).finally(
      () => parts.wanted.drop(attemptId),
    );
  return {
    async open(request, progress) {
      const { site, limits } = request;
      try {
        const forwards = await openJob(parts, request, progress);
        const job = await findDockerJob(parts, site, { limits, forwards });
        if (job === undefined) throw new BackendFault("container_gone", "the job's containers ended as they began");
        try {
          writeSettings(site, job.settings);
        } catch (error) {
          job.detach();
          throw error;
        }
        return job;
      } catch (error) {
        // what went wrong first is what people are told
        await end(site.attemptId).catch(() => undefined);
        throw explainEngine("the job's containers could not be made", error, progress.signal);
      }
    },
    async attach(site) {
      const settings = readSettings(site);
      if (settings === undefined) return undefined;
      return explained(`the containers of attempt ${site.attemptId} cannot be found`, () =>
        findDockerJob(parts, site, settings),
      );
    },
    endRemains: ({ attemptId }) => end(attemptId),
    async sweep(keepAttemptIds) {
      let sum = NOTHING;
      for (const attemptId of await explained("containers cannot be listed", () => listAttempts(quick, agentId))) {
        if (keepAttemptIds.has(attemptId)) continue;
        sum = add(sum, await end(attemptId));
      }
      return sum;
    },
    imageBytes: async () => sumImages(ledger),
    dropImages: (bytesMax) => explained("images could not be dropped", () => dropImages(parts, bytesMax)),
    close: async () => undefined,
  };
}

async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainEngine(what, error);
  }
}

function add(one: ContainersReceipt, other: ContainersReceipt): ContainersReceipt {
  return {
    containersEnded: one.containersEnded + other.containersEnded,
    processesEnded: one.processesEnded + other.processesEnded,
    leftCount: one.leftCount + other.leftCount,
  };
}

function settingsPath(site: JobSite): string {
  return join(site.siteDir, "containers.json");
}

function writeSettings(site: JobSite, settings: JobSettings): void {
  const path = settingsPath(site);
  writeFileSync(`${path}.new`, JSON.stringify(settings), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function readSettings(site: JobSite): JobSettings | undefined {
  try {
    return JSON.parse(readFileSync(settingsPath(site), "utf8"));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

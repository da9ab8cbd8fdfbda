import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import type { JobLimits } from "@windrow/model";
import type Docker from "dockerode";
import { BackendFault } from "../backend-fault.ts";
import { readBaseImages, refuseCopyingTriggers } from "./base-images.ts";
import { type BuildContext, packContext, readPackedDockerfile } from "./build-context.ts";
import type { EngineProgress, RegistryCredentials } from "./container-engine.ts";
import { ifThere, wordsOf } from "./engine-connection.ts";
import { type EngineNews, followProgress } from "./follow-progress.ts";
import type { ImageLedger } from "./image-ledger.ts";
import { OWN_IMAGES } from "./image-name.ts";
import { LABEL_AGENT } from "./labels.ts";
import type { ImagePuller } from "./pull-image.ts";

export interface BuildRequest {
  readonly contextDir: string;
  /** Below `contextDir`. */
  readonly dockerfile: string;
  /** Values of the Dockerfile's arguments. */
  readonly args: { readonly [name: string]: string };
  /** Commands of the Dockerfile reach what the job reaches: `container:ID`. */
  readonly network: string;
  readonly limits: Pick<JobLimits, "memoryBytes">;
}

export interface ImageBuilderOptions {
  readonly docker: Docker;
  readonly ledger: ImageLedger;
  readonly puller: Pick<ImagePuller, "pull">;
  readonly agentId: string;
  /** Archives stand in it while they are sent. */
  readonly agentDir: string;
  /** For images that a Dockerfile begins with. */
  readonly registryAuth: Readonly<Record<string, RegistryCredentials>>;
}

/** What the engine's builder calls the registry that images without one come from. */
const DOCKER_HUB = "https://index.docker.io/v1/";

/** Images of Docker actions. The same content builds once, also for several jobs at the same time. */
export class ImageBuilder {
  #options: ImageBuilderOptions;
  #underWay = new Map<string, Promise<unknown>>();

  constructor(options: ImageBuilderOptions) {
    this.#options = options;
  }

  /** Throws `container_refused` when the build fails: the fault of the Dockerfile; its output went to `progress`. */
  async build(request: BuildRequest, progress: EngineProgress): Promise<{ readonly id: string }> {
    const { contextDir, dockerfile } = request;
    const context = await packContext({ contextDir, dockerfile, tempDir: this.#options.agentDir });
    try {
      // of several that wait for one that fails, the first builds it and the others wait for that one
      for (let before = this.#underWay.get(context.digest); before; before = this.#underWay.get(context.digest)) {
        progress.say("The image is being built for another job");
        // whether that one succeeded shows below
        await endOrAbort(before, progress.signal);
      }
      const own = this.#buildOnce(context, request, progress).finally(() => this.#underWay.delete(context.digest));
      this.#underWay.set(context.digest, own);
      return await own;
    } finally {
      await rm(context.file, { force: true });
    }
  }

  async #buildOnce(context: BuildContext, request: BuildRequest, progress: EngineProgress): Promise<{ id: string }> {
    const { docker, ledger, agentId, registryAuth } = this.#options;
    const { say, signal } = progress;
    const name = `${OWN_IMAGES}build:${context.digest.slice(0, 40)}`;
    const known = await ifThere(() => docker.getImage(name).inspect());
    if (known !== undefined) {
      say(`The image was built before from the same files (${known.Id})`);
      ledger.touch(known.Id);
      return { id: known.Id };
    }
    const { args, network, limits } = request;
    await this.#fetchBases(context, args, progress);
    const { memoryBytes } = limits;
    const registries = Object.entries(registryAuth).map(([host, one]) => [
      host === "docker.io" ? DOCKER_HUB : host,
      one,
    ]);
    const steps = new BuildSteps();
    try {
      const stream = await docker.buildImage(createReadStream(context.file), {
        dockerfile: context.dockerfile,
        t: name,
        rm: true,
        forcerm: true,
        networkmode: network,
        labels: { [LABEL_AGENT]: agentId },
        buildargs: { ...args },
        ...(memoryBytes !== undefined && { memory: memoryBytes, memswap: memoryBytes }),
        ...(registries.length > 0 && { registryconfig: Object.fromEntries(registries) }),
        abortSignal: signal,
      });
      const lines = new Lines(say);
      await followProgress(stream, (news) => {
        steps.take(news);
        if (news.stream !== undefined) lines.push(news.stream);
        else if (news.id === undefined && news.status !== undefined) say(news.status);
      });
      lines.end();
    } catch (error) {
      await steps.keepTrack(docker, ledger, { isFailed: true });
      if (signal.aborted) throw signal.reason;
      const words = wordsOf(error);
      if (isWorlds(words)) throw error;
      throw new BackendFault("container_refused", `the image could not be built: ${words}`, { cause: error });
    }
    await steps.keepTrack(docker, ledger, { isFailed: false });
    const built = await docker.getImage(name).inspect();
    ledger.put({ id: built.Id, name, bytes: built.Size });
    return { id: built.Id };
  }

  /** The engine's builder takes what is there then: what this looked at. */
  async #fetchBases(context: BuildContext, args: BuildRequest["args"], progress: EngineProgress): Promise<void> {
    const { docker, puller } = this.#options;
    for (const name of readBaseImages(await readPackedDockerfile(context), args)) {
      const found = await ifThere(() => docker.getImage(name).inspect());
      const id = found?.Id ?? (await puller.pull({ image: name }, progress)).id;
      const { Config } = await docker.getImage(id).inspect();
      refuseCopyingTriggers(name, Config.OnBuild ?? []);
    }
  }
}

/** A registry that cannot be reached, an engine that ends: not the Dockerfile's doing. */
function isWorlds(words: string): boolean {
  return /dial tcp|i\/o timeout|TLS handshake|connection refused|ECONNRESET|ECONNREFUSED|no space left/i.test(words);
}

async function endOrAbort(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => aborted.resolve(), { once: true });
  await Promise.race([work.catch(() => undefined), aborted.promise]);
  signal.throwIfAborted();
}

/** What a build leaves in the engine besides its image. */
class BuildSteps {
  #pulled = new Set<string>();
  #lastStep: string | undefined;

  take({ status = "", stream = "" }: EngineNews): void {
    const [, pulled] = /^Status: Downloaded newer image for (\S+)$/.exec(status) ?? [];
    if (pulled !== undefined) this.#pulled.add(pulled);
    const [, step] = /^ ---> ([0-9a-f]{12,64})\s*$/.exec(stream) ?? [];
    if (step !== undefined) this.#lastStep = step;
  }

  /** Images it pulled are this agent's; what it made before it failed goes. Neither is worth a failure of its own. */
  async keepTrack(docker: Docker, ledger: ImageLedger, { isFailed }: { readonly isFailed: boolean }): Promise<void> {
    for (const name of this.#pulled) {
      const found = await docker
        .getImage(name)
        .inspect()
        .catch(() => undefined);
      if (found !== undefined) ledger.put({ id: found.Id, name, bytes: found.Size });
    }
    if (!isFailed || this.#lastStep === undefined) return;
    const step = await docker
      .getImage(this.#lastStep)
      .inspect()
      .catch(() => undefined);
    // an image with a name, or one that was not made here, is what the build began with
    if (step === undefined || step.Parent === "" || (step.RepoTags ?? []).length > 0) return;
    await docker
      .getImage(step.Id)
      .remove()
      .catch(() => undefined);
  }
}

/** Output comes in pieces; what is said are lines. */
class Lines {
  #say: (line: string) => void;
  #rest = "";

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  push(text: string): void {
    const lines = `${this.#rest}${text}`.split(/\r?\n/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") this.#say(line);
  }

  end(): void {
    if (this.#rest.trim() !== "") this.#say(this.#rest);
  }
}

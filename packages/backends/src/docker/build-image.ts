import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import type { JobLimits } from "@windrow/model";
import type Docker from "dockerode";
import { BackendFault } from "../backend-fault.ts";
import { type BuildContext, packContext } from "./build-context.ts";
import type { EngineProgress } from "./container-engine.ts";
import { ifThere, wordsOf } from "./engine-connection.ts";
import { followProgress } from "./follow-progress.ts";
import type { ImageLedger } from "./image-ledger.ts";
import { OWN_IMAGES } from "./image-name.ts";
import { LABEL_AGENT } from "./labels.ts";

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
  readonly agentId: string;
  readonly agentDir: string;
}

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
      const before = this.#underWay.get(context.digest);
      // whether that one succeeded shows below
      await before?.catch(() => undefined);
      progress.signal.throwIfAborted();
      const own = this.#buildOnce(context, request, progress);
      this.#underWay.set(context.digest, own);
      try {
        return await own;
      } finally {
        if (this.#underWay.get(context.digest) === own) this.#underWay.delete(context.digest);
      }
    } finally {
      await rm(context.file, { force: true });
    }
  }

  async #buildOnce(context: BuildContext, request: BuildRequest, progress: EngineProgress): Promise<{ id: string }> {
    const { docker, ledger, agentId } = this.#options;
    const { say, signal } = progress;
    const name = `${OWN_IMAGES}build:${context.digest.slice(0, 40)}`;
    const known = await ifThere(() => docker.getImage(name).inspect());
    if (known !== undefined) {
      say(`The image was built before from the same files (${known.Id})`);
      ledger.touch(known.Id);
      return { id: known.Id };
    }
    const { args, network, limits, dockerfile } = request;
    const { memoryBytes } = limits;
    try {
      const stream = await docker.buildImage(createReadStream(context.file), {
        dockerfile,
        t: name,
        rm: true,
        forcerm: true,
        networkmode: network,
        labels: { [LABEL_AGENT]: agentId },
        buildargs: { ...args },
        ...(memoryBytes !== undefined && { memory: memoryBytes, memswap: memoryBytes }),
        abortSignal: signal,
      });
      const lines = new Lines(say);
      await followProgress(stream, (news) => {
        if (news.stream !== undefined) lines.push(news.stream);
        else if (news.id === undefined && news.status !== undefined) say(news.status);
      });
      lines.end();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const words = wordsOf(error);
      if (isWorlds(words)) throw error;
      throw new BackendFault("container_refused", `the image could not be built: ${words}`, { cause: error });
    }
    const built = await docker.getImage(name).inspect();
    ledger.put({ id: built.Id, name, bytes: built.Size });
    return { id: built.Id };
  }
}

/** A registry that cannot be reached, an engine that ends: not the Dockerfile's doing. */
function isWorlds(words: string): boolean {
  return /dial tcp|i\/o timeout|TLS handshake|connection refused|ECONNRESET|ECONNREFUSED|no space left/i.test(words);
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

import type Docker from "dockerode";
import type { ImageBuilder } from "./build-image.ts";
import type { ContainerEnder } from "./end-containers.ts";
import type { ImageLedger } from "./image-ledger.ts";
import type { ImagePuller } from "./pull-image.ts";

/** What the jobs of one engine share. */
export interface EngineParts {
  readonly docker: Docker;
  /** The same engine, for questions that have their answer soon: one that hangs must not hold who asks. */
  readonly quick: Docker;
  readonly ender: ContainerEnder;
  readonly agentId: string;
  /** IPv4; networks come out of its upper half. */
  readonly subnet: string;
  readonly ledger: ImageLedger;
  readonly puller: ImagePuller;
  readonly builder: ImageBuilder;
  /** Images that open jobs have asked for: not to be dropped, though no container has them yet. */
  readonly wanted: WantedImages;
}

export class WantedImages {
  #byAttempt = new Map<string, Set<string>>();

  add(attemptId: string, id: string): void {
    const ids = this.#byAttempt.get(attemptId) ?? new Set();
    this.#byAttempt.set(attemptId, ids.add(id));
  }

  drop(attemptId: string): void {
    this.#byAttempt.delete(attemptId);
  }

  has(id: string): boolean {
    return [...this.#byAttempt.values()].some((ids) => ids.has(id));
  }
}

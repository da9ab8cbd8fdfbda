import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { SimulatorAnswer, SimulatorLook, SimulatorOrder, SimulatorRequest } from "./simulator-messages.ts";

/** A process of its own with a part of a fleet: with all of it in one, that one's event loop would be what is measured. */
export class Simulator {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<SimulatorLook | undefined>>();
  #no = 0;

  constructor() {
    const entry = fileURLToPath(new URL("simulate-agents.ts", import.meta.url));
    this.#child = fork(entry, { execArgv: ["--import", "tsx"] });
    this.#child.on("message", ({ no, error, look }: SimulatorAnswer) => {
      const waiting = this.#waiting.get(no);
      this.#waiting.delete(no);
      if (error === undefined) waiting?.resolve(look);
      else waiting?.reject(new Error(`a simulator failed: ${error}`));
    });
    this.#child.once("exit", (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`a simulator ended with ${code}`));
      this.#waiting.clear();
    });
  }

  /** Resolves when it has done what it was told; rejects with what kept it from that. */
  async tell(order: SimulatorOrder): Promise<void> {
    await this.#ask(order);
  }

  async look(): Promise<SimulatorLook> {
    const seen = await this.#ask({ kind: "look" });
    if (seen === undefined) throw new Error("a simulator answers a look with one");
    return seen;
  }

  /** Its agents say goodbye first. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, "exit");
    await this.tell({ kind: "stop" }).catch(() => this.#child.kill("SIGKILL"));
    if (this.#child.connected) this.#child.disconnect();
    await exited;
  }

  #ask(order: SimulatorOrder): Promise<SimulatorLook | undefined> {
    const waiting = Promise.withResolvers<SimulatorLook | undefined>();
    const no = this.#no++;
    this.#waiting.set(no, waiting);
    const request: SimulatorRequest = { no, order };
    this.#child.send(request);
    return waiting.promise;
  }
}

import { execFile } from "node:child_process";
import { renameSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { BackendFault } from "../backend-fault.ts";
import { readProcessIdentity } from "./process-identity.ts";

/** Somebody waits for the first ones. */
const firstBatchSize = 160;
/** Starting the process that makes them costs as much as making some thousand. */
const batchSize = 800;
/** With fewer in stock more are made beforehand. */
const lowWater = 16;
const folderPrefix = ".pipes-";

/**
 * Named pipes made beforehand, many by one process: Node cannot make one, and a process for each would cost more than the
 * step. They are moved to their place, so the stock lies in the folder that holds the sites.
 */
export class PipeStock {
  #parentDir: string;
  #folder: string;
  #pipes: string[] = [];
  #filling: Promise<void> | undefined;
  #madeCount = 0;

  constructor(parentDir: string) {
    this.#parentDir = parentDir;
    this.#folder = join(parentDir, `${folderPrefix}${process.pid}-${process.hrtime.bigint()}`);
  }

  /** Puts a fresh pipe, mode 600, at `path`. Throws `supervisor_failed`. */
  async take(path: string): Promise<void> {
    while (this.#pipes.length === 0) await this.#fill();
    const pipe = this.#pipes.pop();
    // At once: it lies on the way of every step, and takes less than handing it to another thread.
    if (pipe !== undefined) renameSync(pipe, path);
    // Whoever finds the stock empty meets the error of a filling that failed.
    if (this.#pipes.length < lowWater) void this.#fill().catch(() => undefined);
  }

  #fill(): Promise<void> {
    this.#filling ??= this.#makeBatch().finally(() => {
      this.#filling = undefined;
    });
    return this.#filling;
  }

  async #makeBatch(): Promise<void> {
    if (this.#madeCount === 0) await this.#clearAbandoned();
    const size = this.#madeCount === 0 ? firstBatchSize : batchSize;
    const paths = Array.from({ length: size }, (_, index) => join(this.#folder, String(this.#madeCount + index)));
    this.#madeCount += size;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await promisify(execFile)("mkfifo", ["-m", "600", "--", ...paths]);
    } catch (error) {
      throw new BackendFault("supervisor_failed", `no pipes could be made in ${this.#folder}`, { cause: error });
    }
    this.#pipes.push(...paths);
  }

  /** Stocks of agents that are gone. */
  async #clearAbandoned(): Promise<void> {
    for (const name of await readdir(this.#parentDir)) {
      if (!name.startsWith(folderPrefix)) continue;
      const pid = Number(name.slice(folderPrefix.length).split("-")[0]);
      if (readProcessIdentity(pid) === undefined) {
        await rm(join(this.#parentDir, name), { recursive: true, force: true });
      }
    }
  }
}

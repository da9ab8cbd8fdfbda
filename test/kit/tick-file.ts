import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTemporaryFolder } from "./temporary-folder.ts";

interface Tick {
  readonly attemptNo: number;
  readonly atMs: number;
}

/** A file into which a job writes every moment that it lives, whichever agent and user it runs as. */
export class TickFile {
  readonly #file: string;

  constructor() {
    this.#file = join(createTemporaryFolder("windrow-ticks-"), "ticks");
    chmodSync(join(this.#file, ".."), 0o777);
    writeFileSync(this.#file, "");
    chmodSync(this.#file, 0o666);
  }

  /** Shell lines for a step: an attempt of the number `endless` goes on until it is ended, any other one for a second. */
  script(endless: number): string {
    return `
i=0
while [ "$WINDROW_ATTEMPT" = ${endless} ] || [ $i -lt 20 ]; do
  i=$((i+1)); echo "$WINDROW_ATTEMPT $(date +%s%3N)" >> ${this.#file}; sleep 0.05
done`;
  }

  /** When an attempt lived first and last, in epoch ms; undefined for one that never did. */
  span(attemptNo: number): { readonly firstMs: number; readonly lastMs: number } | undefined {
    const times = this.#ticks().flatMap((tick) => (tick.attemptNo === attemptNo ? [tick.atMs] : []));
    return times.length === 0 ? undefined : { firstMs: Math.min(...times), lastMs: Math.max(...times) };
  }

  #ticks(): Tick[] {
    return readFileSync(this.#file, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => line.split(" ").map(Number))
      .map(([attemptNo = 0, atMs = 0]) => ({ attemptNo, atMs }));
  }
}

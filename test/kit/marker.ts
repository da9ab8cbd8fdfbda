import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTemporaryFolder } from "./temporary-folder.ts";

/** A file that jobs append to, whichever user they run as: what really ran, told from outside the farm's own database. */
export class Marker {
  readonly file: string;
  readonly #dir: string;

  constructor() {
    this.#dir = createTemporaryFolder("windrow-marker-");
    chmodSync(this.#dir, 0o777);
    this.file = join(this.#dir, "marks");
    writeFileSync(this.file, "");
    chmodSync(this.file, 0o666);
  }

  /** A shell line for a step: says that this attempt has begun. */
  get line(): string {
    return `echo "$WINDROW_JOB_ID $WINDROW_ATTEMPT" >> ${this.file}`;
  }

  /** A shell line for a step: waits, without ending, until the test opens the gate of this name. */
  waitLine(gate: string): string {
    return `while [ ! -e ${this.#gate(gate)} ]; do sleep 0.05; done`;
  }

  open(gate: string): void {
    appendFileSync(this.#gate(gate), "");
    chmodSync(this.#gate(gate), 0o666);
  }

  isOpen(gate: string): boolean {
    return existsSync(this.#gate(gate));
  }

  /** For shell lines of the caller's own: exists when the gate is open. */
  gateFile(gate: string): string {
    return this.#gate(gate);
  }

  /** What a job wrote into a gate. */
  read(gate: string): string {
    return readFileSync(this.#gate(gate), "utf8");
  }

  /** A shell line that opens a gate from inside a job, so that the test can wait for it. */
  openLine(gate: string): string {
    // the next attempt may run as another user, and finds the file there
    return `touch ${this.#gate(gate)} && { chmod 666 ${this.#gate(gate)} 2>/dev/null || true; }`;
  }

  marks(): { jobId: number; attemptNo: number }[] {
    return readFileSync(this.file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [jobId, attemptNo] = line.split(" ");
        return { jobId: Number(jobId), attemptNo: Number(attemptNo) };
      });
  }

  #gate(name: string): string {
    return join(this.#dir, `gate-${name}`);
  }
}

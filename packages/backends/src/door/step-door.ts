import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fchownSync,
  linkSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { JobSite } from "../step-backend.ts";
import { type DoorFacts, doorDir, readDoorFacts } from "./container-door.ts";
import { makePipes } from "./make-pipes.ts";

/** What one step needs of its job's door: its script, the pipe it writes into, and the pipe on which its end is told. */
export class StepDoor {
  #site: JobSite;
  #stepNo: number;
  #facts: DoorFacts;

  /** Throws `step_invalid` when the job has no container that was greeted. */
  constructor(site: JobSite, stepNo: number) {
    this.#facts = readDoorFacts(site);
    this.#site = site;
    this.#stepNo = stepNo;
  }

  /** Before the supervisor is told of the step, whose output pipe is there. */
  async open(script: string): Promise<void> {
    const dir = doorDir(this.#site);
    closeStepDoor(this.#site, this.#stepNo);
    this.#linkPipe(join(this.#site.siteDir, `pipe.${this.#stepNo}`), join(dir, `pipe.${this.#stepNo}`));
    await makePipes([join(dir, `reply.${this.#stepNo}`)]);
    this.#writeScript(join(dir, `launch.${this.#stepNo}`), script);
  }

  /** One pipe with two names: the supervisor's stands where the container cannot see it. */
  #linkPipe(pipe: string, name: string): void {
    const { uid, gid } = this.#facts;
    // The step may write to it by name (/dev/stdout), but not read from it; root in a container may do both.
    if (process.getuid?.() === 0) {
      chmodSync(pipe, 0o200);
      chownSync(pipe, uid, gid);
    }
    linkSync(pipe, name);
  }

  /** For the container's user alone: it holds the step's secrets. */
  #writeScript(path: string, script: string): void {
    const file = openSync(path, "wx", 0o400);
    try {
      writeFileSync(file, script);
      if (process.getuid?.() === 0) fchownSync(file, this.#facts.uid, this.#facts.gid);
    } finally {
      closeSync(file);
    }
  }
}

/** Removes what a step had in the door. Idempotent. */
export function closeStepDoor(site: JobSite, stepNo: number): void {
  const dir = doorDir(site);
  if (!existsSync(dir)) return;
  for (const name of [`launch.${stepNo}`, `reply.${stepNo}`, `pipe.${stepNo}`])
    rmSync(join(dir, name), { force: true });
}

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BackendFault } from "../backend-fault.ts";
import type { ContainerFacts, ContainerMount } from "../docker/container-engine.ts";
import type { JobSite } from "../step-backend.ts";
import { containerGone, greetContainer, isContainerThere } from "./greet-container.ts";
import { makePipes } from "./make-pipes.ts";

/** Where a job's container finds its door. */
export const doorTarget = "/__windrow";

/** What a container says of itself; what its image sets is the engine's to know. */
export type DoorFacts = Omit<ContainerFacts, "env">;

/**
 * The folder through which the supervisor of a job runs steps in the job's container: the container's first process reads
 * commands from a pipe in it, and a step writes into the supervisor's own pipe. It holds after agent and engine are gone.
 */
export interface ContainerDoor {
  /** On the machine. */
  readonly dir: string;
  /** What the container must be given. */
  readonly mounts: readonly ContainerMount[];
  /** The container's first process; it needs nothing of the image but `/bin/sh`. */
  readonly entrypoint: readonly string[];
  /**
   * Waits until the container's first process has spoken, and keeps what it said in the site: a step can be started in the
   * container from then on. With `pid`, the number of that process on the machine, its end is noticed at once. Rejects with
   * `container_gone` when it ended, and with the signal's reason when that aborts.
   */
  greet(signal: AbortSignal, pid?: number): Promise<DoorFacts>;
}

/** The shell program beside this file that a container runs first; a bundle must carry it along. */
const initScript = fileURLToPath(new URL("./init.sh", import.meta.url));

/**
 * Makes the door of a job that was opened. Idempotent: a door that is there stays as it is. With `isNew` for a container that
 * is still to be made: what another one before it said, which an agent made that has died since, does not hold for it.
 */
export async function prepareDoor(
  site: JobSite,
  { isNew = false }: { readonly isNew?: boolean } = {},
): Promise<ContainerDoor> {
  const dir = doorDir(site);
  if (isNew) rmSync(factsPath(site), { force: true });
  if (!existsSync(join(dir, "init.sh"))) await makeDoor(dir);
  return {
    dir,
    mounts: [{ source: dir, target: doorTarget, isReadOnly: true }],
    entrypoint: ["/bin/sh", `${doorTarget}/init.sh`],
    greet: async (signal, pid) => {
      // What it said before anything of the job ran holds: a step could answer in its place later.
      if (existsSync(factsPath(site))) {
        if (!isContainerThere(dir)) throw containerGone();
        return readDoorFacts(site);
      }
      const facts = await greetContainer(dir, signal, pid);
      writeDoorFacts(site, facts);
      return facts;
    },
  };
}

function factsPath(site: JobSite): string {
  return join(site.siteDir, "door-facts");
}

export function doorDir(site: JobSite): string {
  return join(site.siteDir, "door");
}

/** What the job's container said when it was greeted. Throws `step_invalid` when there is none. */
export function readDoorFacts(site: JobSite): DoorFacts {
  const path = factsPath(site);
  if (!existsSync(path)) {
    throw new BackendFault("step_invalid", `attempt ${site.attemptId} has no container that a step could run in`);
  }
  return JSON.parse(readFileSync(path, "utf8"));
}

function writeDoorFacts(site: JobSite, facts: DoorFacts): void {
  const path = factsPath(site);
  writeFileSync(`${path}.new`, JSON.stringify(facts), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** What stands in it is open to every user of the container, whoever that is; on the machine the site is closed to all. */
async function makeDoor(dir: string): Promise<void> {
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o755);
  await makePipes(["run", "ctl", "facts", "alive"].map((name) => join(dir, name)));
  // Last: by it a door that was made whole is told.
  const path = join(dir, "init.sh");
  copyFileSync(initScript, `${path}.new`);
  chmodSync(`${path}.new`, 0o755);
  renameSync(`${path}.new`, path);
}

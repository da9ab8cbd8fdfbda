import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { hasCode } from "@windrow/service";
import { BackendFault } from "../backend-fault.ts";
import { isProcessAlive, readProcessIdentity } from "../host/process-identity.ts";
import type { DoorFacts } from "./container-door.ts";

const lookEveryMs = 10;
/** A process of the container may have taken an answer that was not its own. */
const askEveryLooks = 100;
const answerBytesMax = 4_096;

/** Asks a container's first process for its facts until it answers. See `ContainerDoor.greet`. */
export async function greetContainer(dir: string, signal: AbortSignal, pid: number | undefined): Promise<DoorFacts> {
  const first = pid === undefined ? undefined : readProcessIdentity(pid);
  if (pid !== undefined && first === undefined) throw containerGone();
  const facts = openSync(join(dir, "facts"), constants.O_RDWR | constants.O_NONBLOCK);
  const alive = openSync(join(dir, "alive"), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    let text = "";
    let wasThere = false;
    for (let look = 0; ; look++) {
      signal.throwIfAborted();
      const isThere = hasWriter(alive);
      if ((wasThere && !isThere) || (first !== undefined && !isProcessAlive(first))) throw containerGone();
      wasThere ||= isThere;
      if (wasThere && look % askEveryLooks === 0) ask(dir);
      else if (!wasThere) look = -1;
      text = `${text}${readSome(facts)}`.slice(-answerBytesMax);
      const line = /^facts (\d+) (\d+) (yes|no)((?: [a-z0-9]+)*) end$/m.exec(text);
      if (line !== null) {
        const [, uid, gid, isMusl, tools = ""] = line;
        return {
          uid: Number(uid),
          gid: Number(gid),
          isMusl: isMusl === "yes",
          tools: tools.split(" ").filter(Boolean),
        };
      }
      await pause(lookEveryMs);
    }
  } finally {
    closeSync(facts);
    closeSync(alive);
  }
}

/** Whether the container's first process lives. */
export function isContainerThere(dir: string): boolean {
  const alive = openSync(join(dir, "alive"), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return hasWriter(alive);
  } finally {
    closeSync(alive);
  }
}

export function containerGone(): BackendFault {
  return new BackendFault("container_gone", "the job's container ended before it could take a step");
}

/** The container's first process holds this pipe open as long as it lives, and nobody writes to it. */
function hasWriter(alive: number): boolean {
  try {
    return readSync(alive, Buffer.alloc(1)) > 0;
  } catch (error) {
    if (hasCode(error, "EAGAIN")) return true;
    throw error;
  }
}

function ask(dir: string): void {
  try {
    const ctl = openSync(join(dir, "ctl"), constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(ctl, "hello\n");
    } finally {
      closeSync(ctl);
    }
  } catch (error) {
    // It does not read yet, or has gone: the next look tells.
    if (!hasCode(error, "ENXIO", "EAGAIN", "EPIPE")) throw error;
  }
}

function readSome(descriptor: number): string {
  const bytes = Buffer.alloc(answerBytesMax);
  try {
    return bytes.toString("latin1", 0, readSync(descriptor, bytes));
  } catch (error) {
    if (hasCode(error, "EAGAIN")) return "";
    throw error;
  }
}

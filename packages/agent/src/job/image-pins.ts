import type { LeaseRef } from "@windrow/model";
import { WireFault } from "@windrow/wire";
import type { Connection } from "../session/connection.ts";

/** Which image a name is for the run of a job: what the first job found holds for all. */
export interface ImagePins {
  /** `name@sha256:…` of what an earlier job of the run found; undefined when none did, or it came from no registry. */
  find(name: string, signal: AbortSignal): Promise<string | undefined>;
  /** Tells what was found: `name@sha256:…`, or the id of this agent's own engine. Answers what holds for this job. */
  settle(name: string, found: string, signal: AbortSignal): Promise<string>;
}

/** Nothing is known of other jobs. */
export const NO_PINS: ImagePins = { find: async () => undefined, settle: async (_name, found) => found };

export interface ImagePinsOptions {
  readonly connection: Pick<Connection, "call">;
  readonly lease: Omit<LeaseRef, "sessionNo">;
}

/** Asks the farm. */
export function createImagePins({ connection, lease }: ImagePinsOptions): ImagePins {
  async function ask(image: string, found: string, signal: AbortSignal): Promise<string> {
    try {
      const reply = await connection.call(
        ({ client, sessionNo }) => client.pinImage({ lease: { ...lease, sessionNo }, image, found }, { signal }),
        signal,
      );
      return reply.found;
    } catch (error) {
      // an older controller keeps no such record
      if (error instanceof WireFault && error.code === "protocol") return "";
      throw error;
    }
  }

  return {
    async find(name, signal) {
      const held = await ask(name, "", signal);
      return isOfRegistry(held) ? held : undefined;
    },
    async settle(name, found, signal) {
      const held = await ask(name, found, signal);
      return isOfRegistry(held) ? held : found;
    },
  };
}

const isOfRegistry = (found: string): boolean => found !== "" && !found.startsWith("sha256:");

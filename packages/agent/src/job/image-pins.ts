/** Which image a name is for the run of a job: what the first job found holds for all. */
export interface ImagePins {
  /** `name@sha256:…` of what an earlier job of the run found; undefined when none asked, or what it had came from no registry. */
  find(name: string, signal: AbortSignal): Promise<string | undefined>;
  /**
   * Tells what was found: `name@sha256:…`, or the engine's own id. Answers what holds; undefined where the farm keeps no such
   * record.
   */
  settle(name: string, found: string, signal: AbortSignal): Promise<string | undefined>;
}

/** Nothing is known of other jobs. */
export const NO_PINS: ImagePins = { find: async () => undefined, settle: async () => undefined };

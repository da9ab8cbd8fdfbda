/** How far something of the language works here. */
export type Support = "supported" | "partly" | "refused";

/** One thing the language has, by its name there. */
export interface Entry {
  readonly name: string;
  readonly support: Support;
  /** How far, or why not; of what is supported, what is worth knowing. */
  readonly how: string;
}

/** Works as documented. */
export function supported(name: string, how = ""): Entry {
  return { name, support: "supported", how };
}

/** Accepted; `how` says what of it works. */
export function partly(name: string, how: string): Entry {
  return { name, support: "partly", how };
}

/** Refused with its place, or fails the job by name; `how` says why. */
export function refused(name: string, how: string): Entry {
  return { name, support: "refused", how };
}

/** Keys of one place in a workflow file. */
export interface KeyGroup {
  /** Where they stand, for example `jobs.<id>.strategy`; empty for the top of the file. */
  readonly place: string;
  /** Names of the places in the schema of the language whose keys these are. */
  readonly schema: readonly string[];
  readonly keys: readonly Entry[];
}

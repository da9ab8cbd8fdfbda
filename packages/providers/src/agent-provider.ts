import type { ProviderKind } from "@windrow/model";

/** What a machine is to be: enough to start one agent on it. */
export interface MachineRequest {
  /** Unique in the farm, `[a-z0-9-]`; also the agent's name. */
  readonly name: string;
  readonly pool: string;
  /** Where the agent joins. */
  readonly url: string;
  /** For one join, bound to the pool and to this machine; short-lived. Never in an argument list, never logged. */
  readonly joinToken: string;
  readonly slots: number;
  /** One job, then gone. */
  readonly isEphemeral: boolean;
}

/** A machine as its provider sees it. */
export interface ProvidedMachine {
  readonly name: string;
  readonly pool: string;
  /** False: it is still listed, but its agent will never answer again (its process ended, its container exited). */
  readonly isAlive: boolean;
}

/**
 * Makes and ends machines for agents.
 *
 * The caller writes down what it wants before it asks, and compares with `list` afterwards, so that a caller that died in
 * between never loses a machine: `create` and `destroy` are idempotent by name, and `list` tells everything that this
 * provider ever made for this farm and that is still there, also by an earlier process. Calls for different names may run
 * at the same time. Each has a time limit of its own and throws a ProviderError, never anything else.
 */
export interface AgentProvider {
  readonly kind: ProviderKind;
  /**
   * Resolves when the machine is there, not when its agent has joined. One of that name that an earlier call began and did
   * not finish is finished; of one that is there already: nothing, also when it is not alive.
   */
  create(request: MachineRequest, signal: AbortSignal): Promise<void>;
  /** Ends the machine and whatever runs on it; resolves when it is gone. Of a name that is not there: nothing. */
  destroy(name: string, signal: AbortSignal): Promise<void>;
  /** A machine whose making is under way counts as alive. */
  list(signal: AbortSignal): Promise<ProvidedMachine[]>;
  /** The end of what the machine's agent wrote, for people: at most LAST_WORDS_CHARS_MAX; empty when it cannot be told. */
  readLastWords(name: string, signal: AbortSignal): Promise<string>;
  /** Lets go of connections; machines stay. */
  close(): Promise<void>;
}

export const LAST_WORDS_CHARS_MAX = 2_000;
/** More than this a provider does not list: the pool's settings point at something that is not this farm's. */
export const MACHINES_PROVIDED_MAX = 10_000;

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
  /** Resolves when the machine is there, not when its agent has joined. Of a name that is there already: nothing. */
  create(request: MachineRequest, signal: AbortSignal): Promise<void>;
  /** Ends the machine and whatever runs on it; resolves when it is gone. Of a name that is not there: nothing. */
  destroy(name: string, signal: AbortSignal): Promise<void>;
  list(signal: AbortSignal): Promise<ProvidedMachine[]>;
  /** Lets go of connections; machines stay. */
  close(): Promise<void>;
}

/** A provider could not do what it was asked; the sentence is shown to people as the reason why jobs wait. */
export class ProviderError extends Error {
  readonly code = "provider";
  /** False: trying again will not help before somebody changes the settings. */
  readonly retryable: boolean;

  constructor(message: string, options: { readonly retryable: boolean; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "ProviderError";
    this.retryable = options.retryable;
  }
}

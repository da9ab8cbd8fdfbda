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

const NAME = /^[a-z0-9][a-z0-9-]{0,98}$/;

/** Names become folders, containers and variables of programs. Throws ProviderError for one that could be more than a name. */
export function checkMachineName(name: string): void {
  if (!NAME.test(name)) {
    throw new ProviderError(`${JSON.stringify(name)} is no name of a machine`, { retryable: false });
  }
}

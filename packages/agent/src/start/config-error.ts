/** Thrown when the agent cannot run as it was told: configuration, folder, token. Another try would change nothing. */
export class ConfigError extends Error {
  readonly code = "config";

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = "ConfigError";
  }
}

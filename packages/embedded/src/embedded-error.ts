/** What went wrong while running Postgres or nats-server for this machine; `message` is one sentence for a person. */
export type EmbeddedErrorCode =
  | "binary_missing"
  | "account_missing"
  | "folder_not_reachable"
  | "start_failed"
  | "stop_failed"
  | "port_taken"
  | "state_damaged";

/** Thrown by every start function of this package when the world is not as it must be. */
export class EmbeddedError extends Error {
  readonly code: EmbeddedErrorCode;

  constructor(code: EmbeddedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EmbeddedError";
    this.code = code;
  }
}

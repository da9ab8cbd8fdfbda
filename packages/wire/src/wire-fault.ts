/** Why a call could not be done; none of them says that the controller refused. */
export const WIRE_FAULT_CODES = ["unavailable", "deadline", "internal", "cancelled", "protocol"] as const;
export type WireFaultCode = (typeof WIRE_FAULT_CODES)[number];

/**
 * The world between agent and controller broke: `unavailable` (no connection, or the controller's database is away),
 * `deadline` (no answer in time), `internal` (the controller failed at it), `cancelled` (the caller's own signal or
 * close), `protocol` (the peer speaks something else). The first three are worth trying again; every call is idempotent.
 */
export class WireFault extends Error {
  readonly code: WireFaultCode;
  readonly retryable: boolean;

  constructor(code: WireFaultCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = "WireFault";
    this.code = code;
    this.retryable = code === "unavailable" || code === "deadline" || code === "internal";
  }
}

/**
 * Bytes that are not the message they should be. Thrown by every `decodeX`; `field` is the path of the first field
 * that is missing or wrong, for example `StepReport.outcome`. A server answers it with "invalid".
 */
export class DecodeError extends Error {
  readonly code = "decode";
  readonly field: string;

  constructor(field: string, problem: string, options: { cause?: unknown } = {}) {
    super(`${field}: ${problem}`, options);
    this.name = "DecodeError";
    this.field = field;
  }
}

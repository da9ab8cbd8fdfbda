import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { REFUSAL_CODES, Refusal, type RefusalCode } from "@windrow/model";
import { DecodeError } from "../codec/decode-error.ts";
import { isStreamName } from "../codec/lease.ts";
import { LogGap } from "../log-gap.ts";
import { WireFault } from "../wire-fault.ts";

/** The one table from a refusal to a gRPC status. */
const STATUS_OF_REFUSAL: Record<RefusalCode, status> = {
  revoked: status.FAILED_PRECONDITION,
  unsupported_version: status.FAILED_PRECONDITION,
  not_found: status.NOT_FOUND,
  not_allowed: status.PERMISSION_DENIED,
  unauthenticated: status.UNAUTHENTICATED,
  invalid: status.INVALID_ARGUMENT,
  conflict: status.ALREADY_EXISTS,
  too_large: status.RESOURCE_EXHAUSTED,
  too_many: status.RESOURCE_EXHAUSTED,
};

/** For a status without our trailer: gRPC itself refused, or something between the two ends did. */
const REFUSAL_OF_STATUS: Partial<Record<status, RefusalCode>> = {
  [status.NOT_FOUND]: "not_found",
  [status.PERMISSION_DENIED]: "not_allowed",
  [status.UNAUTHENTICATED]: "unauthenticated",
  [status.INVALID_ARGUMENT]: "invalid",
  [status.RESOURCE_EXHAUSTED]: "too_large",
};

const CODE_KEY = "windrow-code";
const HINT_KEY = "windrow-hint-bin";
const STREAM_KEY = "windrow-stream";
const OFFSET_KEY = "windrow-offset";

/** Trailers stay far below what HTTP/2 peers accept. */
const DETAILS_CHARS_MAX = 1_000;

export interface CallEnd {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
  /** True for a bug: the door logs it, since the peer learns nothing of it. */
  readonly isBug: boolean;
}

/** What the peer is told of something thrown behind the door. */
export function toCallEnd(error: unknown): CallEnd {
  if (error instanceof Refusal) {
    const end = callEnd(STATUS_OF_REFUSAL[error.code], error.message, error.code);
    if (error.hint !== undefined) {
      end.metadata.set(HINT_KEY, Buffer.from(error.hint.slice(0, DETAILS_CHARS_MAX), "utf8"));
    }
    return end;
  }
  if (error instanceof DecodeError) return callEnd(status.INVALID_ARGUMENT, error.message, "invalid");
  if (error instanceof LogGap) {
    const end = callEnd(status.OUT_OF_RANGE, error.message, error.code);
    end.metadata.set(STREAM_KEY, error.stream);
    end.metadata.set(OFFSET_KEY, String(error.expectedOffset));
    return end;
  }
  if (isRetryable(error)) return callEnd(status.UNAVAILABLE, "the controller cannot do this now", "unavailable");
  return { ...callEnd(status.INTERNAL, "the controller failed at this", "internal"), isBug: true };
}

function callEnd(code: status, details: string, word: string): CallEnd {
  const metadata = new Metadata();
  metadata.set(CODE_KEY, word);
  return { code, details: details.slice(0, DETAILS_CHARS_MAX).toWellFormed(), metadata, isBug: false };
}

/** The convention for faults: an error that carries `retryable: true`. */
function isRetryable(error: unknown): boolean {
  return error instanceof Error && "retryable" in error && error.retryable === true;
}

/** What an ended call means to the caller; `isOwn` when the caller itself cancelled it. */
export function fromServiceError(error: ServiceError, isOwn: boolean): Refusal | LogGap | WireFault {
  const word = textOf(error, CODE_KEY);
  const cause = error;
  if (isOwn) return new WireFault("cancelled", "the call was cancelled here", { cause });
  const code = REFUSAL_CODES.find((known) => known === word);
  if (code !== undefined && STATUS_OF_REFUSAL[code] === error.code) {
    const hint = hintOf(error);
    return new Refusal(code, error.details, { cause, ...(hint === undefined ? {} : { hint }) });
  }
  if (error.code === status.OUT_OF_RANGE) {
    const stream = textOf(error, STREAM_KEY) ?? "";
    const offset = Number(textOf(error, OFFSET_KEY));
    if (isStreamName(stream) && Number.isSafeInteger(offset)) return new LogGap(stream, offset);
  }
  const refusal = word === undefined ? REFUSAL_OF_STATUS[error.code] : undefined;
  if (refusal !== undefined) return new Refusal(refusal, error.details, { cause });
  return new WireFault(faultCode(error.code), error.details || error.message, { cause });
}

function faultCode(code: status): WireFault["code"] {
  switch (code) {
    case status.UNAVAILABLE:
    // A controller that is forced to stop cancels the calls it holds.
    case status.CANCELLED:
    case status.ABORTED:
      return "unavailable";
    case status.DEADLINE_EXCEEDED:
      return "deadline";
    case status.INTERNAL:
    case status.UNKNOWN:
      return "internal";
    default:
      return "protocol";
  }
}

function textOf(error: ServiceError, key: string): string | undefined {
  const [value] = error.metadata?.get(key) ?? [];
  return typeof value === "string" ? value : undefined;
}

function hintOf(error: ServiceError): string | undefined {
  const [value] = error.metadata?.get(HINT_KEY) ?? [];
  return Buffer.isBuffer(value) ? value.toString("utf8") : undefined;
}

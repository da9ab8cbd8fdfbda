import { asAttemptId, asLeaseId, type LeaseRef, type StreamName } from "@windrow/model";
import type { LeaseHeld } from "../agent-messages.ts";
import type { Fields } from "./fields.ts";

const STREAM = /^(?:system|0|[1-9][0-9]{0,5})$/;

export const unpackLeaseHeld = (fields: Fields): LeaseHeld => ({
  attemptId: fields.uuid("attemptId", asAttemptId),
  leaseId: fields.uuid("leaseId", asLeaseId),
});

export const unpackLeaseRef = (fields: Fields): LeaseRef => ({
  ...unpackLeaseHeld(fields),
  sessionNo: fields.integer("sessionNo", 1),
});

export function unpackStream(fields: Fields): StreamName {
  const text = fields.text("stream");
  return isStreamName(text) ? text : fields.fail("stream", "is neither system nor a step's number");
}

export const isStreamName = (text: string): text is StreamName => STREAM.test(text);

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as attempt from "../src/codec/attempt-messages.ts";
import * as bus from "../src/codec/bus-messages.ts";
import * as fetch from "../src/codec/fetch-messages.ts";
import * as log from "../src/codec/log-messages.ts";
import * as session from "../src/codec/session-messages.ts";
import * as arbitrary from "./arbitraries.ts";

function roundTrips<T>(values: fc.Arbitrary<T>, encode: (value: T) => Uint8Array, decode: (bytes: Uint8Array) => T) {
  return () =>
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(encode(value))).toStrictEqual(value);
      }),
      { numRuns: 200 },
    );
}

describe("a message decodes to what was encoded", () => {
  test("AgentMessage", roundTrips(arbitrary.agentMessage, session.encodeAgentMessage, session.decodeAgentMessage));
  test(
    "ControllerMessage",
    roundTrips(arbitrary.controllerMessage, session.encodeControllerMessage, session.decodeControllerMessage),
  );
  test("Offer", roundTrips(arbitrary.offer, session.encodeOffer, session.decodeOffer));
  test("OfferAnswer", roundTrips(arbitrary.offerAnswer, session.encodeOfferAnswer, session.decodeOfferAnswer));
  test("Cancel", roundTrips(arbitrary.cancel, session.encodeCancel, session.decodeCancel));
  test("Drain", roundTrips(arbitrary.drain, session.encodeDrain, session.decodeDrain));
  test(
    "StartAttemptRequest",
    roundTrips(arbitrary.startAttemptRequest, attempt.encodeStartAttemptRequest, attempt.decodeStartAttemptRequest),
  );
  test(
    "StartAttemptReply with its plan",
    roundTrips(arbitrary.startAttemptReply, attempt.encodeStartAttemptReply, attempt.decodeStartAttemptReply),
  );
  test(
    "ReportStepsRequest",
    roundTrips(arbitrary.reportStepsRequest, attempt.encodeReportStepsRequest, attempt.decodeReportStepsRequest),
  );
  test(
    "ReportStepsReply",
    roundTrips(arbitrary.reportStepsReply, attempt.encodeReportStepsReply, attempt.decodeReportStepsReply),
  );
  test(
    "FinishAttemptRequest",
    roundTrips(arbitrary.finishAttemptRequest, attempt.encodeFinishAttemptRequest, attempt.decodeFinishAttemptRequest),
  );
  test(
    "FinishAttemptReply",
    roundTrips(arbitrary.finishAttemptReply, attempt.encodeFinishAttemptReply, attempt.decodeFinishAttemptReply),
  );
  test(
    "FetchDocumentRequest",
    roundTrips(arbitrary.fetchDocumentRequest, fetch.encodeFetchDocumentRequest, fetch.decodeFetchDocumentRequest),
  );
  test("FetchReply", roundTrips(arbitrary.fetchReply, fetch.encodeFetchReply, fetch.decodeFetchReply));
  test(
    "ResolveActionRequest",
    roundTrips(arbitrary.resolveActionRequest, fetch.encodeResolveActionRequest, fetch.decodeResolveActionRequest),
  );
  test(
    "ResolveActionReply",
    roundTrips(arbitrary.resolveActionReply, fetch.encodeResolveActionReply, fetch.decodeResolveActionReply),
  );
  test(
    "PinImageRequest",
    roundTrips(arbitrary.pinImageRequest, fetch.encodePinImageRequest, fetch.decodePinImageRequest),
  );
  test("PinImageReply", roundTrips(arbitrary.pinImageReply, fetch.encodePinImageReply, fetch.decodePinImageReply));
  test(
    "FetchActionRequest",
    roundTrips(arbitrary.fetchActionRequest, fetch.encodeFetchActionRequest, fetch.decodeFetchActionRequest),
  );
  test("LogMessage", roundTrips(arbitrary.logMessage, log.encodeLogMessage, log.decodeLogMessage));
  test("LogAck", roundTrips(arbitrary.logAck, log.encodeLogAck, log.decodeLogAck));
  test("PoolWake", roundTrips(arbitrary.poolWake, bus.encodePoolWake, bus.decodePoolWake));
  test("RunChanged", roundTrips(arbitrary.runChanged, bus.encodeRunChanged, bus.decodeRunChanged));
  test("AgentHint", roundTrips(arbitrary.agentHint, bus.encodeAgentHint, bus.decodeAgentHint));
  test("LogTailWanted", roundTrips(arbitrary.logTailWanted, bus.encodeLogTailWanted, bus.decodeLogTailWanted));
  test("LogTailBytes", roundTrips(arbitrary.logTailBytes, bus.encodeLogTailBytes, bus.decodeLogTailBytes));
});

test("random bytes are refused or decoded, never a crash", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const decode of [
        session.decodeAgentMessage,
        log.decodeLogMessage,
        attempt.decodeFinishAttemptRequest,
        attempt.decodeStartAttemptReply,
      ]) {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toMatchObject({ name: "DecodeError" });
        }
      }
    }),
    { numRuns: 500 },
  );
});

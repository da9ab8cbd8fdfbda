import type { MethodDefinition } from "@grpc/grpc-js";

type BytesMethod = MethodDefinition<Buffer, Buffer>;

// gRPC moves bytes; the codecs check them where a failure can be answered with "invalid" and the field's name.
const same = (bytes: Buffer): Buffer => bytes;

const method = (name: string, isStream: boolean): BytesMethod => ({
  path: `/windrow.v1.AgentService/${name}`,
  requestStream: isStream,
  responseStream: isStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});

/** `service AgentService` of the specification; a test compares the two. */
export const AGENT_SERVICE = {
  session: method("Session", true),
  startAttempt: method("StartAttempt", false),
  reportSteps: method("ReportSteps", false),
  shipLog: method("ShipLog", true),
  finishAttempt: method("FinishAttempt", false),
  fetchDocument: method("FetchDocument", false),
  resolveAction: method("ResolveAction", false),
  fetchAction: method("FetchAction", false),
  pinImage: method("PinImage", false),
};

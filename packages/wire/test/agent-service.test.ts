import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PROTO_FOLDER } from "../src/codec/proto-message.ts";
import { AGENT_SERVICE } from "../src/grpc/agent-service.ts";

test("the service on the wire is the service of the specification", () => {
  const text = readFileSync(join(PROTO_FOLDER, "windrow/v1/agent.proto"), "utf8");
  const specified = [...text.matchAll(/rpc (\w+)\((stream )?\w+\) returns \((stream )?\w+\)/g)].map((match) => ({
    path: `/windrow.v1.AgentService/${match[1]}`,
    requestStream: match[2] !== undefined,
    responseStream: match[3] !== undefined,
  }));
  const served = Object.values(AGENT_SERVICE).map(({ path, requestStream, responseStream }) => ({
    ...{ path, requestStream, responseStream },
  }));
  expect(served).toEqual(specified);
});

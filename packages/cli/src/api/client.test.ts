import { expect, test } from "vitest";
import { sampleAgent, sampleRun } from "../../test/samples.ts";
import { sendJson, startStubFarm } from "../../test/stub-farm.ts";
import { CliError } from "../cli-error.ts";
import { createApiClient } from "./client.ts";

const problem = (status: number, code: string, more: object = {}) => ({
  type: "about:blank",
  title: "t",
  status,
  code,
  detail: `about ${code}`,
  request_id: "r",
  ...more,
});

const caught = async (work: Promise<unknown>): Promise<CliError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CliError)) throw new Error(`a CliError was expected, not ${String(error)}`);
  return error;
};

test("a call fills in path and query, and sends the token", async () => {
  await using farm = await startStubFarm((_, response) =>
    sendJson(response, { items: [sampleRun()], next_cursor: null }),
  );
  const api = createApiClient({ urls: [farm.url], token: "wru_secret" });
  const { answer, json } = await api.call("listRuns", { query: { repository: "me/app", branch: undefined, limit: 5 } });
  expect(farm.requests).toEqual([
    {
      method: "GET",
      path: "/api/v1/runs?repository=me%2Fapp&limit=5",
      authorization: "Bearer wru_secret",
      body: undefined,
    },
  ]);
  expect(answer.items[0]?.id).toBe(12);
  expect(json).toEqual({ items: [sampleRun()], next_cursor: null });
});

test("parameters cannot leave their place in the path", async () => {
  await using farm = await startStubFarm((_, response) => sendJson(response, sampleAgent()));
  await createApiClient({ urls: [farm.url], token: undefined }).call("removeAgent", {
    params: { agent: "../tokens?x=1" },
  });
  expect(farm.requests[0]?.path).toBe("/api/v1/agents/..%2Ftokens%3Fx%3D1");
  expect(farm.requests[0]?.authorization).toBeUndefined();
});

test.each([
  [400, "invalid", 3],
  [401, "unauthenticated", 4],
  [403, "not_allowed", 4],
  [404, "not_found", 5],
  [409, "conflict", 1],
  [503, "unavailable", 1],
] as const)("a problem %d %s ends with exit code %i", async (status, code, exitCode) => {
  await using farm = await startStubFarm((_, response) =>
    sendJson(response, problem(status, code, { hint: "do this" }), status),
  );
  const error = await caught(createApiClient({ urls: [farm.url], token: "t" }).call("whoami", {}));
  expect([error.exitCode, error.code, error.message, error.hint]).toEqual([
    exitCode,
    code,
    `about ${code}`,
    code === "unauthenticated" ? expect.stringContaining("--token") : "do this",
  ]);
});

test("a refused field is named", async () => {
  const fields = [{ path: "body/pool/name", message: "too long" }];
  await using farm = await startStubFarm((_, response) => sendJson(response, problem(400, "invalid", { fields }), 400));
  const error = await caught(createApiClient({ urls: [farm.url], token: "t" }).call("whoami", {}));
  expect(error.message).toBe("pool.name: too long");
});

test("something that is no farm is recognised", async () => {
  await using farm = await startStubFarm((_, response) => void response.writeHead(404).end("<html>"));
  const error = await caught(createApiClient({ urls: [farm.url], token: "t" }).call("whoami", {}));
  expect([error.code, error.exitCode]).toEqual(["bad_answer", 5]);
  expect(error.hint).toContain("Windrow farm");
});

test("an answer of another shape is refused, not passed on", async () => {
  await using farm = await startStubFarm((_, response) =>
    sendJson(response, { items: [{ id: "x" }], next_cursor: null }),
  );
  const error = await caught(createApiClient({ urls: [farm.url], token: "t" }).call("listRuns", {}));
  expect(error.code).toBe("bad_answer");
});

test("the next controller is asked when one is gone", async () => {
  const gone = await startStubFarm(() => undefined);
  await gone[Symbol.asyncDispose]();
  await using farm = await startStubFarm((_, response) => sendJson(response, { items: [], next_cursor: null }));
  const api = createApiClient({ urls: [gone.url, farm.url], token: "t" });
  await api.call("listRuns", {});
  expect(api.url).toBe(farm.url);
});

test("the next controller is asked when one cannot serve, also for what changes something", async () => {
  await using sick = await startStubFarm((_, response) =>
    sendJson(response, problem(503, "unavailable", { hint: "wait" }), 503),
  );
  await using farm = await startStubFarm((_, response) => sendJson(response, sampleRun()));
  const api = createApiClient({ urls: [sick.url, farm.url], token: "t" });
  expect((await api.call("cancelRun", { params: { run_id: 12 }, body: {} })).answer.id).toBe(12);
  expect(api.url).toBe(farm.url);
});

test("nobody there is said with the address", async () => {
  const gone = await startStubFarm(() => undefined);
  await gone[Symbol.asyncDispose]();
  const error = await caught(createApiClient({ urls: [gone.url], token: "t" }).call("listRuns", {}));
  expect(error.message).toContain(`${gone.url} cannot be reached: connect ECONNREFUSED`);
});

test("what changes something is not sent twice when the connection broke after it was sent", async () => {
  await using broken = await startStubFarm((_, response) => void response.destroy());
  await using other = await startStubFarm((_, response) => sendJson(response, {}));
  const api = createApiClient({ urls: [broken.url, other.url], token: "t" });
  const error = await caught(api.call("cancelRun", { params: { run_id: 1 }, body: {} }));
  expect([error.code, broken.requests.length, other.requests.length]).toEqual(["unreachable", 1, 0]);
});

test("an answer that does not come ends the waiting", async () => {
  await using farm = await startStubFarm(() => undefined);
  const error = await caught(createApiClient({ urls: [farm.url], token: "t", answerMaxMs: 50 }).call("whoami", {}));
  expect(error.message).toContain("no answer within 0.05 s");
});

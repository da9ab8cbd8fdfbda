import { tmpdir } from "node:os";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readStdin } from "../src/variable/set-variable.ts";
import { runOffline } from "./run-offline.ts";
import { T0 } from "./samples.ts";
import { type StubFarm, sendJson, startStubFarm } from "./stub-farm.ts";

const variable = (change: object = {}) => ({
  name: "REGION",
  value: "eu-1\n\u001b[2Jx",
  owner: null,
  repository: null,
  updated_by: "alice",
  updated_at: T0,
  ...change,
});

let farm: StubFarm;
beforeAll(async () => {
  farm = await startStubFarm(({ method, path: target }, response) => {
    if (method !== "GET") return sendJson(response, variable({ repository: "me/app" }));
    const items = target.includes("owner=") ? [] : [variable(), variable({ name: "LEVEL", repository: "me/app" })];
    sendJson(response, { items, next_cursor: null });
  });
});
afterAll(() => farm[Symbol.asyncDispose]());

async function run(line: string) {
  const from = farm.requests.length;
  const environment = { WINDROW_URL: farm.url, WINDROW_TOKEN: "wru_t", WINDROW_REPO: "not/this" };
  const ended = await runOffline(line.split(" "), { cwd: tmpdir(), environment });
  const requests = farm.requests
    .slice(from)
    .map(({ method, path: target, body }) => [`${method} ${target}`, ...(body === undefined ? [] : [body])]);
  return { ...ended, requests };
}

describe("a command line becomes a request; only what it says is the level", () => {
  test.each<[line: string, ...request: unknown[]]>([
    ["variable list", "GET /api/v1/variables"],
    ["variable list --owner me", "GET /api/v1/variables?owner=me"],
    ["variable list -R me/app --effective", "GET /api/v1/variables?repository=me%2Fapp&effective=true"],
    ["variable set REGION eu-1", "POST /api/v1/variables", { name: "REGION", value: "eu-1" }],
    [
      "variable set REGION a=b -R me/app",
      "POST /api/v1/variables",
      { repository: "me/app", name: "REGION", value: "a=b" },
    ],
    ["variable set REGION x --owner me", "POST /api/v1/variables", { owner: "me", name: "REGION", value: "x" }],
    ["variable delete REGION -R me/app", "DELETE /api/v1/variables/REGION?repository=me%2Fapp"],
  ])("windrow %s", async (line, ...request) => {
    const ended = await run(line);
    expect([ended.code, ended.requests]).toEqual([0, [request]]);
  });
});

test("variables are a table, a line each, whatever a value holds", async () => {
  const { out } = await run("variable list");
  expect(out.split("\n")).toEqual([
    expect.stringMatching(/^NAME +OF +SET +BY +VALUE$/),
    expect.stringMatching(/^REGION +the farm +.* +alice +eu-1 \[2Jx$/),
    expect.stringMatching(/^LEVEL +me\/app +/),
    "",
  ]);
});

test("no variable says how to set one", async () => {
  const { out, err } = await run("variable list --owner me");
  expect([out, err]).toEqual(["", "No variable of owner me. Set one with: windrow variable set NAME VALUE\n"]);
});

test("set and delete say whose it was, and print the API's shape with --json", async () => {
  expect((await run("variable set REGION x -R me/app")).err).toBe("REGION of me/app is set\n");
  expect((await run("variable delete REGION -R me/app")).err).toBe("REGION of me/app is deleted\n");
  expect(JSON.parse((await run("variable set REGION x --json")).out)).toMatchObject({ name: "REGION" });
});

test.each([
  ["variable list --owner me -R me/app", "exclude each other"],
  ["variable list --effective", "needs a repository"],
  ["variable set NAME", "missing required argument 'value'"],
  ["variable set NAME x -R app", "is not owner/name"],
])("windrow %s asks nothing and ends with 3", async (line, message) => {
  const ended = await run(line);
  expect(ended.err).toContain(message);
  expect([ended.code, ended.requests]).toEqual([3, []]);
});

test("a value from stdin loses one line end and has a limit", async () => {
  expect(await readStdin(Readable.from(["a\n", "b\n\n"]))).toBe("a\nb\n");
  await expect(readStdin(Readable.from(Array.from({ length: 50 }, () => "x".repeat(1024))))).rejects.toThrow(
    "longer than",
  );
});

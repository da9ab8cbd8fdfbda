import { afterAll, expect, test } from "vitest";
import { createParseWorker } from "./parse-in-worker.ts";

const SMALL = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: make\n";
const worker = createParseWorker();
afterAll(() => worker.close());

test("a file is parsed in the worker, in a few milliseconds once it is warm", async () => {
  const first = await worker.parse("ci.yml", SMALL);
  expect(first.definition?.jobs[0]?.key).toBe("a");
  const tookMs: number[] = [];
  for (let round = 0; round < 50; round += 1) {
    const startedMs = performance.now();
    await worker.parse(`ci-${round}.yml`, SMALL);
    tookMs.push(performance.now() - startedMs);
  }
  console.info(`parse round trip: median ${tookMs.toSorted((a, b) => a - b)[25]?.toFixed(2)} ms`);
});

test("files sent at once are answered each with its own", async () => {
  const paths = Array.from({ length: 30 }, (_, at) => `${at}.yml`);
  const results = await Promise.all(paths.map((path) => worker.parse(path, SMALL)));
  expect(results.map((result) => result.definition?.path)).toEqual(paths);
});

test("a parse over its deadline is refused by the limit's name and the next file is read", async () => {
  const impatient = createParseWorker({ timeoutMs: 20 });
  const bomb = `on: push\njobs:\n${"  - &a [*a, *b]\n".repeat(20_000)}`;
  const [refused, next] = await Promise.all([impatient.parse("bomb.yml", bomb), impatient.parse("ci.yml", SMALL)]);
  expect(refused.diagnostics).toEqual([
    expect.objectContaining({ code: "limit-time", file: "bomb.yml", message: expect.stringContaining("20 ms") }),
  ]);
  expect(next.definition?.path ?? next.diagnostics[0]?.code).toMatch(/ci.yml|limit-time/);
  await impatient.close();
});

test("a file that takes too much memory is refused by the limit's name and the next file is read", async () => {
  const patient = createParseWorker({ timeoutMs: 20_000 });
  const refused = await patient.parse("big.yml", `on: push\njobs: {a: [${"{},".repeat(170_000)}]}`);
  expect(refused.diagnostics).toEqual([expect.objectContaining({ code: "limit-memory", file: "big.yml" })]);
  expect((await patient.parse("ci.yml", SMALL)).definition?.path).toBe("ci.yml");
  await patient.close();
});

test("after close a parse is refused", async () => {
  const closed = createParseWorker();
  await closed.close();
  await expect(closed.parse("ci.yml", SMALL)).rejects.toThrow("closed");
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

const NUL = "fromJSON('\"a\\u0000b\"')";
const HALF = "fromJSON('\"a\\ud800b\"')";

describe("characters that the database cannot keep", () => {
  it.each([
    ["a job's name", `jobs: { one: { name: "x\${{ @ }}", runs-on: linux, steps: [{ run: x }] } }`],
    ["a run's title", `run-name: "x\${{ @ }}"\njobs: { one: { runs-on: linux, steps: [{ run: x }] } }`],
    ["a run's group", `concurrency: "x\${{ @ }}"\njobs: { one: { runs-on: linux, steps: [{ run: x }] } }`],
    ["a job's group", `jobs: { one: { concurrency: "x\${{ @ }}", runs-on: linux, steps: [{ run: x }] } }`],
    [
      "a matrix",
      `jobs: { one: { strategy: { matrix: { a: ["\${{ @ }}", 2] } }, runs-on: linux, steps: [{ run: x }] } }`,
    ],
    [
      "a matrix key",
      `jobs: { one: { strategy: { matrix: "\${{ fromJSON('{\\"a\\\\u0000b\\":[1,2]}') }}" }, runs-on: linux, steps: [{ run: x }] } }`,
    ],
  ])("in %s stop no run", async (_what, yaml) => {
    const agent = await core.addAgent();
    await agent.connect();
    for (const text of [NUL, HALF]) {
      const quoted = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
      const runId = await core.insertRun(`on: push\n${yaml.replace("@", quoted)}`);
      for (const _job of await core.jobs(runId)) await agent.runNext();
      expect(await core.runFinished(runId)).toBe("success");
    }
  });

  it("are shown as what stands for them", async () => {
    const text = `on: push\njobs: { one: { name: "a\\0b", runs-on: linux, steps: [{ run: x }] } }`;
    const runId = await core.insertRun(text);
    expect(await core.jobs(runId)).toMatchObject([{ name: "a\uFFFDb", state: "queued" }]);
  });
});

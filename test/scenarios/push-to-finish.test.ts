import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { Marker } from "../kit/marker.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ agents: 2 });
});
afterAll(() => farm?.stop());

test("a push runs two jobs on two agents at the same time, then the job that needs both", async () => {
  const marker = new Marker();
  // each of the two waits until the other has begun, so the run can end only if they overlap
  const { runId, push } = await pushWorkflow(
    farm,
    `
name: CI
on: push
jobs:
  left:
    runs-on: linux
    outputs:
      word: \${{ steps.say.outputs.word }}
    steps:
      - run: ${marker.line}
      - run: ${marker.openLine("left")}; ${marker.waitLine("right")}
      - id: say
        run: echo "word=hay" >> "$GITHUB_OUTPUT"
  right:
    runs-on: linux
    steps:
      - run: ${marker.line}
      - run: ${marker.openLine("right")}; ${marker.waitLine("left")}
  both:
    needs: [left, right]
    runs-on: linux
    steps:
      - uses: actions/checkout@v4
      - run: |
          test -f .windrow/workflows/ci.yml
          echo "got \${{ needs.left.outputs.word }}"
`,
  );
  expect(push.stderr).toContain(`remote:`);
  expect(push.stderr).toContain(`/runs/${runId}`);

  const run = await farm.waitRunFinished(runId);
  const jobs = await farm.jobs(runId);
  expect(jobs.map((job) => [job.key, job.outcome])).toEqual([
    ["left", "succeeded"],
    ["right", "succeeded"],
    ["both", "succeeded"],
  ]);
  expect(run.conclusion).toBe("success");
  const attempts = await farm.attempts(runId);
  const first = attempts.filter((attempt) => attempt.key !== "both").map((attempt) => attempt.agent);
  expect(first.sort()).toEqual(["agent-1", "agent-2"]);

  const both = jobs.find((job) => job.key === "both");
  expect((await readLog(farm, { jobId: both?.id ?? 0, stream: "1" })).toString()).toContain("got hay");
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
});

test("the log's bytes and hash are those that the step wrote, for all 256 byte values", async () => {
  const script = `
const { createHash, createECDH } = require("crypto");
const line = Buffer.alloc(256, 0).map((_, i) => i);
const bytes = Buffer.concat(Array.from({ length: 4000 }, (_, i) => Buffer.concat([line, Buffer.from(String(i))])));
require("fs").writeSync(1, bytes.subarray(0, 1));
let at = 1;
while (at < bytes.length) at += require("fs").writeSync(1, bytes, at);
`;
  const { runId } = await pushWorkflow(
    farm,
    "on: push\njobs:\n  bytes:\n    runs-on: linux\n    steps:\n      - uses: actions/checkout@v4\n      - run: node write.js\n",
    { files: { "write.js": script } },
  );
  await farm.waitRunFinished(runId);
  const line = Buffer.alloc(256).map((_, i) => i);
  const expected = Buffer.concat(Array.from({ length: 4000 }, (_, i) => Buffer.concat([line, Buffer.from(String(i))])));
  const [job] = await farm.jobs(runId);
  expect(job?.outcome).toBe("succeeded");
  const stored = await readLog(farm, { jobId: job?.id ?? 0, stream: "1" });
  expect(createHash("sha256").update(stored).digest("hex")).toBe(createHash("sha256").update(expected).digest("hex"));
  expect(await checkHistory(farm)).toEqual([]);
});

test("a matrix makes one job per combination, and a failure there fails the run", async () => {
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  each:
    runs-on: linux
    strategy:
      fail-fast: false
      matrix:
        n: [1, 2, 3]
        exclude:
          - n: 2
        include:
          - n: 9
            extra: yes please
    steps:
      - run: test "\${{ matrix.n }}" != 3
      - if: failure()
        run: echo "failed with \${{ matrix.n }}"
  after:
    needs: each
    runs-on: linux
    steps:
      - run: "true"
  always:
    needs: each
    if: always()
    runs-on: linux
    steps:
      - run: test "\${{ needs.each.result }}" = failure
`,
  );
  const run = await farm.waitRunFinished(runId);
  const jobs = await farm.jobs(runId);
  expect(jobs.map((job) => [job.key, job.outcome])).toEqual([
    ["each", "succeeded"],
    ["each", "failed"],
    ["each", "succeeded"],
    ["after", "skipped"],
    ["always", "succeeded"],
  ]);
  expect(run.conclusion).toBe("failure");
  expect(await checkHistory(farm)).toEqual([]);
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ agents: 2 });
});
afterAll(() => farm?.stop());

test("a workflow calls another with a computed matrix, in a concurrency group, and reads its outputs", async () => {
  const { runId } = await pushWorkflow(
    farm,
    `
name: CI
run-name: "build by \${{ github.actor }}"
on: push
concurrency: { group: "ci-\${{ github.ref }}", cancel-in-progress: true }
jobs:
  list:
    runs-on: linux
    outputs: { parts: "\${{ steps.make.outputs.parts }}" }
    steps:
      - id: make
        run: echo 'parts=["hay","straw"]' >> "$GITHUB_OUTPUT"
  build:
    needs: list
    uses: ./.windrow/workflows/build.yml
    with: { parts: "\${{ needs.list.outputs.parts }}" }
  last:
    needs: build
    runs-on: linux
    steps:
      - run: echo "got \${{ needs.build.outputs.word }}"
`,
    {
      files: {
        ".windrow/workflows/build.yml": `
on:
  workflow_call:
    inputs: { parts: { type: string, required: true } }
    outputs: { word: { value: "\${{ jobs.join.outputs.word }}" } }
jobs:
  part:
    runs-on: linux
    strategy: { matrix: { part: "\${{ fromJSON(inputs.parts) }}" } }
    steps:
      - run: echo "part \${{ matrix.part }}"
  join:
    needs: part
    runs-on: linux
    outputs: { word: "\${{ steps.say.outputs.word }}" }
    steps:
      - id: say
        run: echo "word=bale" >> "$GITHUB_OUTPUT"
`,
      },
    },
  );
  const run = await farm.waitRunFinished(runId);
  const jobs = await farm.jobs(runId);
  expect(jobs.map((job) => [job.key, job.name, job.outcome])).toEqual([
    ["list", "list", "succeeded"],
    ["build", "build", "succeeded"],
    ["last", "last", "succeeded"],
    ["build/part", "build / part (hay)", "succeeded"],
    ["build/join", "build / join", "succeeded"],
    ["build/part", "build / part (straw)", "succeeded"],
  ]);
  expect(run.conclusion).toBe("success");
  const last = jobs.find((job) => job.key === "last");
  expect((await readLog(farm, { jobId: last?.id ?? 0, stream: "0" })).toString()).toContain("got bale");
  const row = await farm.db.selectFrom("runs").select("title").where("id", "=", runId).executeTakeFirstOrThrow();
  expect(row.title).toMatch(/^build by /);
  expect(await farm.db.selectFrom("concurrency_entries").select("id").execute()).toEqual([]);
  expect(await checkHistory(farm)).toEqual([]);
});

test("what a step pushes with its own token through its gateway is kept, and starts no run", async () => {
  const name = "me/pushes-itself";
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
permissions: { contents: write }
jobs:
  push:
    runs-on: linux
    steps:
      - uses: actions/checkout@v4
      - run: |
          git config user.name job
          git config user.email job@example.org
          echo made > made
          git add made
          git commit -qm "made by the job"
          git push origin HEAD:refs/heads/made
`,
    { name },
  );
  const run = await farm.waitRunFinished(runId);
  const [job] = await farm.jobs(runId);
  expect(run.conclusion, (await readLog(farm, { jobId: job?.id ?? 0, stream: "1" })).toString()).toBe("success");
  const pushes = await farm.db
    .selectFrom("pushes")
    .innerJoin("repositories", "repositories.id", "pushes.repository_id")
    .select(["pushes.ref", "pushes.by_job_id", "pushes.state", "pushes.reason"])
    .where("repositories.name", "=", "pushes-itself")
    .orderBy("pushes.id")
    .execute();
  expect(pushes.at(-1)).toEqual({
    ref: "refs/heads/made",
    by_job_id: job?.id,
    state: "settled",
    reason: "it was made with a job's own token",
  });
  expect(await checkHistory(farm)).toEqual([]);
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { GitRepository } from "../kit/git-repository.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { waitFor } from "../kit/wait-for.ts";

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ agents: 1, slots: 2 });
});
afterAll(() => farm?.stop());

test("a workflow of another repository is called, calls one beside it, and gives outputs back", async () => {
  const shared = await GitRepository.create({
    ".windrow/workflows/outer.yml": `
on:
  workflow_call:
    inputs:
      crop: { type: string, required: true }
      rows: { type: number, default: 3 }
    outputs:
      bales: { value: "\${{ jobs.inner.outputs.bales }}" }
jobs:
  inner:
    uses: ./.windrow/workflows/inner.yml
    with: { words: "\${{ inputs.rows }} rows of \${{ inputs.crop }}" }
`,
    ".windrow/workflows/inner.yml": `
on:
  workflow_call:
    inputs: { words: { type: string, required: true } }
    outputs: { bales: { value: "\${{ jobs.press.outputs.bales }}" } }
jobs:
  press:
    runs-on: linux
    outputs: { bales: "\${{ steps.count.outputs.bales }}" }
    steps:
      - id: count
        run: echo "bales=\${{ inputs.words }} in \${{ github.repository }}" >> "$GITHUB_OUTPUT"
`,
  });
  const push = await shared.push({ url: `${farm.url}/git/me/shared.git`, token: farm.adminToken });
  expect(push.code, push.stderr).toBe(0);
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  harvest:
    strategy: { matrix: { crop: [hay, oats] } }
    uses: me/shared/.windrow/workflows/outer.yml@main
    with: { crop: "\${{ matrix.crop }}" }
  one:
    uses: me/shared/.windrow/workflows/outer.yml@main
    with: { crop: rye, rows: 1 }
  last:
    needs: [harvest, one]
    runs-on: linux
    steps:
      - run: echo "\${{ needs.one.outputs.bales }}; \${{ needs.harvest.result }}"
`,
    { name: "me/caller" },
  );
  const run = await farm.waitRunFinished(runId);
  const jobs = await farm.jobs(runId);
  expect(run.conclusion, JSON.stringify(jobs)).toBe("success");
  expect(jobs.map(({ name }) => name).toSorted()).toEqual([
    "harvest (hay)",
    "harvest (hay) / inner",
    "harvest (hay) / inner / press",
    "harvest (oats)",
    "harvest (oats) / inner",
    "harvest (oats) / inner / press",
    "last",
    "one",
    "one / inner",
    "one / inner / press",
  ]);
  const last = jobs.find(({ key }) => key === "last");
  const said = (await readLog(farm, { jobId: last?.id ?? 0, stream: "0" })).toString();
  expect(said).toBe("1 rows of rye in me/caller; success\n");
});

test("a schedule of the default branch starts its run, and what follows it starts after it", async () => {
  await pushWorkflow(
    farm,
    `
name: Timed
on:
  push:
  schedule: [{ cron: "* * * * *" }]
jobs:
  tick:
    if: github.event_name == 'schedule'
    runs-on: linux
    steps:
      - run: echo "by \${{ github.event.schedule }}"
`,
    {
      name: "me/timed",
      files: {
        ".windrow/workflows/after.yml": `
name: After
on: { workflow_run: { workflows: [Timed], types: [completed] } }
jobs:
  look:
    if: github.event.workflow_run.event == 'schedule'
    runs-on: linux
    steps:
      - run: echo "after \${{ github.event.workflow_run.name }}, \${{ github.event.workflow_run.conclusion }}"
`,
      },
    },
  );
  const logOf = (eventName: string, jobKey: string) =>
    waitFor(
      `a run by ${eventName} to end`,
      async () => {
        const found = await farm.db
          .selectFrom("runs")
          .innerJoin("repositories", "repositories.id", "runs.repository_id")
          .innerJoin("jobs", "jobs.run_id", "runs.id")
          .select("jobs.id")
          .where("repositories.name", "=", "timed")
          .where("runs.event_name", "=", eventName)
          .where("runs.state", "=", "finished")
          .where("jobs.key", "=", jobKey)
          .where("jobs.outcome", "=", "succeeded")
          .executeTakeFirst();
        return found === undefined ? undefined : (await readLog(farm, { jobId: found.id, stream: "0" })).toString();
      },
      { withinMs: 45_000 },
    );
  expect(await logOf("schedule", "tick")).toBe("by * * * * *\n");
  expect(await logOf("workflow_run", "look")).toBe("after Timed, success\n");
});

test("the history is whole", async () => {
  const isQuiet = async () => {
    const open = await farm.db.selectFrom("runs").select("id").where("state", "!=", "finished").execute();
    return open.length === 0;
  };
  await waitFor("every run to end", isQuiet);
  expect(await checkHistory(farm)).toEqual([]);
});

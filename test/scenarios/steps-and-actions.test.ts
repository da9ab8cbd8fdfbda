import type { Job } from "@windrow/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { GitRepository } from "../kit/git-repository.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { waitFor } from "../kit/wait-for.ts";
import { runWindrow } from "../kit/windrow-command.ts";

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ agents: 1, slots: 2 });
});
afterAll(() => farm?.stop());

/** The only job of a run, by the API, when the run has ended. */
async function endedJob(
  runId: number,
): Promise<{ job: Job; conclusion: string | null; log: (no: number) => Promise<string> }> {
  const run = await farm.waitRunFinished(runId);
  const [first] = await farm.jobs(runId);
  const job = await farm.api<Job>("GET", `/api/v1/jobs/${first?.id}`);
  const streams = new Set(job.attempts.at(-1)?.streams.map(({ stream }) => stream));
  const log = async (no: number) =>
    streams.has(String(no)) ? (await readLog(farm, { jobId: job.id, stream: String(no) })).toString() : "";
  return { job, conclusion: run.conclusion, log };
}

test("a composite action of the workspace uses a JavaScript action of another repository of the farm", async () => {
  const part = (name: string) =>
    `console.log("${name}", process.env.INPUT_WHO, process.env.STATE_before ?? "-");
require("fs").appendFileSync(process.env.GITHUB_STATE, "before=${name}\\n");`;
  const greeter = await GitRepository.create({
    "action.yml": `name: greet
inputs: { who: { default: nobody } }
outputs: { words: { description: what was said } }
runs: { using: node24, pre: pre.js, main: main.js, post: post.js }
`,
    "pre.js": part("pre"),
    "main.js": `${part("main")}\nrequire("fs").appendFileSync(process.env.GITHUB_OUTPUT, "words=hello " + process.env.INPUT_WHO + "\\n");`,
    "post.js": part("post"),
  });
  const push = await greeter.push({ url: `${farm.url}/git/me/greeter.git`, token: farm.adminToken });
  expect(push.code, push.stderr).toBe(0);
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  greet:
    runs-on: linux
    steps:
      - uses: actions/checkout@v4
      - uses: me/greeter@main
        with: { who: first }
      - id: both
        uses: ./actions/both
        with: { name: ada }
      - run: echo "[\${{ steps.both.outputs.said }}] [\${{ steps.both.outcome }}]"
`,
    {
      files: {
        "actions/both/action.yml": `name: both
inputs: { name: { required: true } }
outputs: { said: { value: "\${{ steps.inner.outputs.words }}, \${{ steps.shell.outputs.more }}" } }
runs:
  using: composite
  steps:
    - id: inner
      uses: me/greeter@main
      with: { who: "\${{ inputs.name }}" }
    - id: shell
      shell: bash
      run: |
        test -f "$GITHUB_ACTION_PATH/action.yml"
        echo "more=in $(basename "$GITHUB_ACTION_PATH")" >> "$GITHUB_OUTPUT"
`,
      },
    },
  );
  const { job, conclusion, log } = await endedJob(runId);
  expect(conclusion).toBe("success");
  expect(await log(1)).toBe("main first pre\n");
  expect(await log(2)).toContain("main ada");
  expect(await log(3)).toBe("[hello ada, in both] [success]\n");
  const steps = job.attempts[0]?.steps ?? [];
  const posts = steps.filter(({ name }) => name.startsWith("Post "));
  expect(posts.map(({ conclusion: end }) => end)).toEqual(posts.map(() => "success"));
  const after = await Promise.all(posts.map(({ no }) => log(no)));
  expect(after.join("")).toMatch(/post ada main\n[\s\S]*post first main\n|post first main\n[\s\S]*post ada main\n/);
});

test("background and parallel steps run beside each other in one job", async () => {
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  build:
    runs-on: linux
    steps:
      - id: server
        background: true
        run: |
          while [ ! -e asked ]; do sleep 0.05; done
          echo "word=answered" >> "$GITHUB_OUTPUT"
      - parallel:
          - run: touch one; while [ ! -e two ]; do sleep 0.05; done; echo left
          - run: touch two; while [ ! -e one ]; do sleep 0.05; done; echo right
      - run: touch asked
      - wait: server
      - run: echo "\${{ steps.server.outputs.word }}"
`,
  );
  const { job, conclusion, log } = await endedJob(runId);
  expect(conclusion).toBe("success");
  const steps = job.attempts[0]?.steps ?? [];
  const logs = await Promise.all(steps.map(({ no }) => log(no)));
  expect(logs.filter((text) => /^(left|right|answered)\n$/.test(text))).toEqual(["left\n", "right\n", "answered\n"]);
});

test("remarks and the summary of a step are shown with the job", async () => {
  const { runId, repository } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  lint:
    runs-on: linux
    steps:
      - name: Look
        run: |
          echo "::warning file=src/a.c,line=7,col=3,title=Unused::the variable 'x' is not used"
          echo "::error::it is broken"
          echo "### Result" >> "$GITHUB_STEP_SUMMARY"
          echo "2 remarks" >> "$GITHUB_STEP_SUMMARY"
          exit 3
`,
  );
  const { job } = await endedJob(runId);
  const [step] = job.attempts[0]?.steps ?? [];
  expect(step).toMatchObject({
    conclusion: "failure",
    exit_code: 3,
    summary: "### Result\n2 remarks\n",
    annotations: [
      {
        level: "warning",
        file: "src/a.c",
        line: 7,
        column: 3,
        title: "Unused",
        message: "the variable 'x' is not used",
      },
      { level: "error", message: "it is broken" },
    ],
  });
  const viewed = await runWindrow(farm, ["run", "view", String(runId)], { cwd: repository.dir });
  expect(viewed.out.toString()).toContain("it is broken");
});

test("a job starts another workflow with its own token, and is no cause of a run otherwise", async () => {
  const name = "me/starter";
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
permissions: { actions: write, contents: write }
jobs:
  ask:
    runs-on: linux
    steps:
      - env: { TOKEN: "\${{ github.token }}" }
        run: |
          curl -fsS -X POST -H "authorization: Bearer $TOKEN" -H "content-type: application/json" \\
            -d '{"repository":"${name}","workflow":"other.yml","inputs":{"what":"hay"}}' "${farm.url}/api/v1/runs"
`,
    {
      name,
      files: {
        ".windrow/workflows/other.yml": `
on:
  push:
  workflow_dispatch:
    inputs: { what: { required: true } }
jobs:
  made:
    runs-on: linux
    steps:
      - run: echo "made \${{ inputs.what }} by \${{ github.event_name }}"
`,
      },
    },
  );
  const { conclusion, log } = await endedJob(runId);
  expect(conclusion, await log(0)).toBe("success");
  const started = await waitFor("the run that the job asked for", () =>
    farm.db
      .selectFrom("runs")
      .innerJoin("repositories", "repositories.id", "runs.repository_id")
      .select("runs.id")
      .where("repositories.name", "=", "starter")
      .where("runs.event_name", "=", "workflow_dispatch")
      .executeTakeFirst(),
  );
  const { log: made } = await endedJob(started.id);
  expect(await made(0)).toContain("made hay by workflow_dispatch");
});

test("the history is whole", async () => {
  expect(await checkHistory(farm)).toEqual([]);
});

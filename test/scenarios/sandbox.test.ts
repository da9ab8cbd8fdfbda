import { findSandbox } from "@windrow/backends";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";

const found = await findSandbox(undefined);
const problem = "problem" in found ? found.problem : undefined;

if (problem !== undefined) test.skip(`an agent whose jobs run in sandboxes is not tried: ${problem}`);

describe.runIf(problem === undefined)("an agent whose jobs run in sandboxes", () => {
  let farm: Farm;
  beforeAll(async () => {
    farm = await Farm.start({ agents: 1, agentEnv: { WINDROW_AGENT_BACKEND: "sandbox" } });
  });
  afterAll(() => farm?.stop());

  const run = async (workflow: string, files: Record<string, string> = {}) => {
    const { runId } = await pushWorkflow(farm, workflow, { files });
    const finished = await farm.waitRunFinished(runId);
    const [job] = await farm.jobs(runId);
    const log = async (stream: string) => (await readLog(farm, { jobId: job?.id ?? 0, stream })).toString();
    return { ...finished, log };
  };

  test("builds a repository: checkout and fetch, environment files, actions, a server in the background, post steps", async () => {
    const { conclusion, log } = await run(
      `
on: push
jobs:
  build:
    runs-on: linux
    outputs: { word: "\${{ steps.say.outputs.word }}" }
    steps:
      - uses: actions/checkout@v4
      - run: |
          git fetch --quiet origin main && git log --oneline | wc -l
          echo "KEPT=from the first step" >>"$GITHUB_ENV"
          echo "$GITHUB_WORKSPACE/tools" >>"$GITHUB_PATH"
          echo summary >>"$GITHUB_STEP_SUMMARY"
          mkdir -p tools && printf '#!/bin/sh\\necho tool' >tools/mytool && chmod +x tools/mytool
      - id: say
        run: echo "$KEPT; $(mytool)"; echo "word=\${{ hashFiles('**/*.txt') != '' }}" >>"$GITHUB_OUTPUT"
      - uses: ./actions/speak
        with: { who: everybody }
      - uses: ./actions/both
      - run: |
          (while :; do echo served >"$RUNNER_TEMP/served"; sleep 0.1; done) &
      - run: until [ -e "$RUNNER_TEMP/served" ]; do sleep 0.05; done; cat "$RUNNER_TEMP/served"; df -h >/dev/null
`,
      {
        "a.txt": "text\n",
        "actions/speak/action.yml":
          "name: speak\ninputs: {who: {required: true}}\nruns: {using: node24, main: main.js, post: post.js}\n",
        "actions/speak/main.js": "console.log('hello ' + process.env.INPUT_WHO);",
        "actions/speak/post.js": "console.log('good-bye');",
        "actions/both/action.yml":
          "name: both\nruns:\n  using: composite\n  steps:\n    - run: echo composite in $PWD\n      shell: bash\n",
      },
    );
    const logs = await Promise.all(["1", "2", "3", "4", "6"].map(log));
    expect(logs).toEqual([
      expect.stringMatching(/^1\n$/),
      "from the first step; tool\n",
      "hello everybody\n",
      expect.stringMatching(/\ncomposite in \/.*workspace\n$/),
      "served\n",
    ]);
    expect(conclusion).toBe("success");
    await checkHistory(farm);
  });

  test("S27: a job sees nothing of the agent, of other jobs and of people, and writes nowhere but into its own folders", async () => {
    const agent = farm.agent("agent-1");
    const { conclusion, log } = await run(`
on: push
jobs:
  spy:
    runs-on: linux
    steps:
      - run: |
          try() { if "$@" >/dev/null 2>&1; then echo "REACHED: $*"; else echo "refused: $*"; fi; }
          try cat ${agent.dir}/credential.json
          try ls ${agent.dir}/sites
          try ls ${farm.dir}/data
          find ${farm.dir} -mindepth 1 ! -path "*/$WINDROW_ATTEMPT_ID*" -type f | sed 's/^/REACHED: /'
          try ls /root
          try ls /home
          try touch /etc/forged
          try touch /usr/forged
          try unshare --user true
          try cat /proc/${agent.child.pid}/environ
          try kill -0 ${agent.child.pid}
          ls -A /tmp
`);
    const text = await log("0");
    expect(text).not.toContain("REACHED");
    expect(text).toContain(`refused: cat ${agent.dir}/credential.json`);
    expect(text).toContain("refused: touch /etc/forged");
    expect(conclusion).toBe("success");
  });

  test("a cancelled job's processes are gone, and its folders with them", async () => {
    const { runId } = await pushWorkflow(
      farm,
      "on: push\njobs:\n  long:\n    runs-on: linux\n    steps:\n      - run: setsid --fork sleep 73211; trap 'echo asked; exit 3' INT; echo ready; while :; do sleep 0.1; done\n",
    );
    const [job] = await farm.jobs(runId);
    const ready = async () => {
      try {
        return (await readLog(farm, { jobId: job?.id ?? 0, stream: "0" })).toString();
      } catch {
        // no log yet: asked again until the time is over
        return "";
      }
    };
    await expect.poll(ready, { timeout: 20_000 }).toContain("ready");
    await fetch(`${farm.url}/api/v1/runs/${runId}/cancel`, {
      method: "POST",
      headers: { authorization: `Bearer ${farm.adminToken}`, "content-type": "application/json" },
      body: "{}",
    });
    expect((await farm.waitRunFinished(runId)).conclusion).toBe("cancelled");
    expect(await ready()).toContain("asked");
    const receipts = await farm.db
      .selectFrom("attempts")
      .select("receipt")
      .where("job_id", "=", job?.id ?? 0)
      .execute();
    expect(receipts).toMatchObject([{ receipt: { leftCount: 0, containment: "pid-namespace" } }]);
  });
});

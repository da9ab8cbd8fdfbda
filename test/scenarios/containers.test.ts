// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import {
  startTestEngine,
  TEST_IMAGES,
  type TestEngine,
  whyNoTestEngine,
  whyNoTestImage,
} from "@windrow/backends/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";

const problem = (await whyNoTestEngine()) ?? whyNoTestImage("tools");

if (problem !== undefined) test.skip(`jobs in containers are not tried: ${problem}`);

describe.runIf(problem === undefined)("a farm whose agent has an engine", () => {
  let engine: TestEngine;
  let farm: Farm;
  beforeAll(async () => {
    engine = await startTestEngine({ networks: true, images: ["shell", "tools"] });
    farm = await Farm.start({ agents: 1, agentEnv: { WINDROW_AGENT_DOCKER: engine.socket.replace("unix://", "") } });
  }, 120_000);
  afterAll(async () => {
    await farm?.stop();
    await engine?.stop();
  });

  test("checks out and runs in a container, beside a service, with a Docker action of the repository, twice with one image", async () => {
    const { runId } = await pushWorkflow(
      farm,
      `
on: push
jobs:
  first:
    runs-on: linux
    container: { image: '${TEST_IMAGES.tools}' }
    services:
      other: { image: '${TEST_IMAGES.shell}', command: sleep 600 }
    outputs: { word: "\${{ steps.box.outputs.word }}" }
    steps:
      - uses: actions/checkout@v4
      - run: |
          git status --short; git log --oneline | wc -l; cat text.txt; curl -sS -o /dev/null -w '%{http_code}' "$GITHUB_SERVER_URL/none"
      - id: box
        uses: ./box
        with: { word: hello }
  second:
    needs: first
    runs-on: linux
    steps:
      - uses: docker://${TEST_IMAGES.shell}
        with: { entrypoint: echo, args: "said \${{ needs.first.outputs.word }}" }
`,
      {
        files: {
          "text.txt": "of the repository\n",
          "box/action.yml":
            "name: box\ninputs: {word: {required: true}}\nruns: {using: docker, image: Dockerfile, args: ['${{ inputs.word }}']}\n",
          "box/Dockerfile": `FROM ${TEST_IMAGES.shell}\nCOPY main.sh /main.sh\nENTRYPOINT ["/bin/sh", "/main.sh"]\n`,
          "box/main.sh": 'cat text.txt; echo "word=$1" >> "$GITHUB_OUTPUT"\n',
        },
      },
    );
    const finished = await farm.waitRunFinished(runId);
    const jobs = await farm.jobs(runId);
    const log = async (at: number, stream: string) =>
      (await readLog(farm, { jobId: jobs[at]?.id ?? 0, stream })).toString();
    const logs = await Promise.all([log(0, "system"), log(0, "0"), log(0, "1"), log(0, "2"), log(1, "system")]);
    expect({ conclusion: finished.conclusion, logs }).toMatchObject({ conclusion: "success" });
    expect(logs[2]).toMatch(/^1\nof the repository\n\d{3}$/);
    expect(logs[3]).toContain("of the repository\n");
    expect(await log(1, "0")).toContain("said hello\n");
    const run = await farm.api("GET", `/api/v1/runs/${runId}`);
    expect(run).toMatchObject({ images: [{ image: TEST_IMAGES.shell, found: expect.stringMatching(/^sha256:/) }] });
    await checkHistory(farm);
  }, 90_000);
});

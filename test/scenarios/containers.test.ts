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

const problem = (await whyNoTestEngine()) ?? whyNoTestImage("tools") ?? whyNoTestImage("postgres");

if (problem !== undefined) test.skip(`jobs in containers are not tried: ${problem}`);

describe.runIf(problem === undefined)("a farm whose agent has an engine", () => {
  let engine: TestEngine;
  let farm: Farm;
  beforeAll(async () => {
    engine = await startTestEngine({ networks: true, images: ["shell", "tools", "postgres"] });
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

  test("runs a job in a container beside a real Postgres that it waits for, a second service, and a Docker action", async () => {
    const { runId } = await pushWorkflow(
      farm,
      `
on: push
jobs:
  build:
    runs-on: linux
    container:
      image: ${TEST_IMAGES.tools}
      env: { DATABASE_HOST: db }
    services:
      db:
        image: ${TEST_IMAGES.postgres}
        env: { POSTGRES_USER: app, POSTGRES_DB: shop, POSTGRES_HOST_AUTH_METHOD: trust }
        options: >-
          --health-cmd pg_isready --health-interval 500ms --health-timeout 5s --health-retries 40
      web:
        image: ${TEST_IMAGES.tools}
        command: python3 -m http.server 8000 --bind 0.0.0.0 --directory /usr/local/bin
    steps:
      - uses: actions/checkout@v4
      - id: sum
        run: echo "sum=$(node query.js 'select sum(n) from generate_series(1, 10) as n')" >> "$GITHUB_OUTPUT"
      - run: curl -sSf --retry 20 --retry-connrefused --retry-delay 1 http://web:8000/pg_isready | head -n 1
      - uses: ./.github/actions/tell
        with: { sum: "\${{ steps.sum.outputs.sum }}" }
`,
      {
        files: {
          "query.js": QUERY,
          ".github/actions/tell/action.yml":
            "name: tell\ninputs: {sum: {required: true}}\nruns: {using: docker, image: Dockerfile, args: ['${{ inputs.sum }}']}\n",
          ".github/actions/tell/Dockerfile": `FROM ${TEST_IMAGES.shell}\nCOPY tell.sh /tell.sh\nENTRYPOINT ["/bin/sh", "/tell.sh"]\n`,
          ".github/actions/tell/tell.sh": 'echo "the sum is $1, the folder $GITHUB_WORKSPACE"; test -f query.js\n',
        },
      },
    );
    const finished = await farm.waitRunFinished(runId);
    const [job] = await farm.jobs(runId);
    const streams = ["system", "0", "1", "2", "3"];
    const logs = await Promise.all(
      streams.map(async (stream) => (await readLog(farm, { jobId: job?.id ?? 0, stream })).toString()),
    );
    expect({ conclusion: finished.conclusion, logs }).toMatchObject({ conclusion: "success" });
    expect(logs[0]).toMatch(/db.* is healthy/);
    expect(logs[3]).toContain("#!/bin/bash");
    expect(logs[4]).toContain("the sum is 55, the folder /github/workspace\n");
    await checkHistory(farm);
  }, 90_000);
});

/** One question to Postgres in its own protocol: no client has to be in the image. */
const QUERY = `
const socket = require("node:net").connect(5432, process.env.DATABASE_HOST);
const text = (...words) => Buffer.from(words.map((word) => word + "\\0").join(""));
const message = (kind, body) => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(kind), length, body]);
};
const version = Buffer.from([0, 3, 0, 0]);
socket.write(message("", Buffer.concat([version, text("user", "app", "database", "shop", "")])));
let got = Buffer.alloc(0);
let asked = false;
socket.on("data", (data) => {
  got = Buffer.concat([got, data]);
  while (got.length >= 5 && got.length > got.readInt32BE(1)) {
    const [kind, body] = [String.fromCharCode(got[0]), got.subarray(5, 1 + got.readInt32BE(1))];
    got = got.subarray(1 + got.readInt32BE(1));
    if (kind === "Z" && asked) socket.end(message("X", Buffer.alloc(0)));
    if (kind === "Z" && !asked) asked = socket.write(message("Q", text(process.argv[2]))) || true;
    if (kind === "D") console.log(body.subarray(6).toString());
    if (kind === "E") throw new Error(body.toString());
  }
});
`;

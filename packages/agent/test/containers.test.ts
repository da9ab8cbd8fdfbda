// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createDockerEngine, createHostBackend, findSandbox, type StepBackend } from "@windrow/backends";
import {
  startTestEngine,
  startTestRegistry,
  TEST_IMAGES,
  type TestEngine,
  whyNoTestEngine,
  whyNoTestImage,
  whyNoTestRegistry,
} from "@windrow/backends/testing";
import { JOB_POLICY_DEFAULT, type Plan } from "@windrow/model";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ActionShelf } from "./action-shelf.ts";
import { AgentBench, waitFor } from "./agent-bench.ts";
import type { FakeAttempt } from "./fake-controller.ts";
import { jobOf } from "./job-of.ts";

const missing = (await whyNoTestEngine()) ?? whyNoTestImage("tools");

describe.skipIf(missing !== undefined)(`containers${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  let engine: TestEngine;
  let bench: AgentBench;
  let shelf: ActionShelf;
  beforeAll(async () => {
    engine = await startTestEngine({ networks: true, images: ["shell", "tools"] });
  }, 120_000);
  afterAll(() => engine?.stop());
  const makeBench = (backend?: StepBackend) =>
    new AgentBench({
      ...(backend !== undefined && { backend }),
      openActions: () => shelf.port,
      makeContainers: (agentDir) =>
        createDockerEngine({ socket: engine.socket, agentId: "agent-1", agentDir, retryFirstMs: 10 }),
    });
  beforeEach(() => {
    bench = makeBench();
    shelf = new ActionShelf(join(bench.agentDir, "actions"));
  });
  afterEach(async () => {
    await bench.stop();
    const left = await engine.docker.listContainers({ all: true });
    for (const { Id } of left) await engine.docker.getContainer(Id).remove({ force: true });
    expect(left.map(({ Names, Labels }) => ({ Names, Labels }))).toEqual([]);
  });

  const offer = (text: string, more: Partial<Plan> = {}) => bench.controller.offer({ ...jobOf(text), ...more });
  const log = (attempt: FakeAttempt, stream: string) => bench.controller.log(attempt, stream).toString();
  async function run(text: string, more: Partial<Plan> = {}): Promise<FakeAttempt> {
    const attempt = offer(text, more);
    await bench.finished(attempt, 60_000);
    return attempt;
  }
  /** The outcome, with what was said where it is not the one that is expected. */
  function expectOutcome(attempt: FakeAttempt, outcome: string): void {
    const said = [...attempt.streams.keys()].map((stream) => `== ${stream}\n${log(attempt, stream)}`).join("\n");
    if (attempt.finish?.outcome !== outcome) throw new Error(`${attempt.finish?.outcome}\n${said}`);
  }

  it("runs all steps of a job in its container, at the documented paths", async () => {
    await bench.start({ withSlotUsers: true });
    shelf.add("acme/node@v1", {
      "action.yml":
        "name: n\ninputs: { who: { default: nobody } }\nruns: { using: node24, main: main.js, post: post.js }",
      "main.js": `const fs = require("fs");
        console.log("hello", process.env.INPUT_WHO, "from", __dirname, process.execPath);
        fs.appendFileSync(process.env.GITHUB_OUTPUT, "where=" + process.cwd() + "\\n");
        fs.appendFileSync(process.env.GITHUB_STATE, "kept=yes\\n");`,
      "post.js": `console.log("post", process.env.STATE_kept, __dirname);`,
    });
    const attempt = await run(`
      container: { image: '${TEST_IMAGES.tools}', env: { OF: container, HIDDEN: x } }
      services:
        other: { image: '${TEST_IMAGES.shell}', command: sleep 600 }
      env: { WORKSPACE: '\${{ github.workspace }}' }
      outputs: { where: '\${{ steps.js.outputs.where }}', same: '\${{ steps.a.outputs.same }}' }
      steps:
        - id: a
          run: |
            pwd; id -u; echo "$HOME $GITHUB_WORKSPACE $WORKSPACE $RUNNER_TEMP $RUNNER_TOOL_CACHE $OF"
            echo "\${{ github.event_path }} \${{ runner.temp }}"; head -c 9 "$GITHUB_EVENT_PATH"; echo
            [[ "$PWD" == "\${{ github.workspace }}" ]]
            echo "same=\${{ job.container.id == '' }}" >> "$GITHUB_OUTPUT"
            echo "LATER=seen" >> "$GITHUB_ENV"; echo /extra >> "$GITHUB_PATH"
            echo "# Summary" >> "$GITHUB_STEP_SUMMARY"
            echo data > file.txt; mkdir sub; echo "::notice file=$PWD/file.txt::look"
            ls -ld "$RUNNER_TEMP" "$RUNNER_TOOL_CACHE" "$HOME" > /dev/null
            getent hosts other >/dev/null && echo "found other"
        - { run: 'pwd; echo "$LATER"; case $PATH in /extra:*) echo first;; esac; cat ../file.txt; exit 0', working-directory: sub }
        - { id: js, uses: acme/node@v1, with: { who: ada } }
        - { run: 'import os; print(os.environ["OF"], "\${{ job.services.other.network == job.container.network }}")', shell: python }
        - run: echo "\${{ hashFiles('file.txt') != '' }} \${{ hashFiles(format('{0}/file.txt', github.workspace)) == hashFiles('file.txt') }}"
    `);
    expectOutcome(attempt, "succeeded");
    expect(log(attempt, "0").split("\n").slice(0, 5)).toEqual([
      "/__w/app/app",
      "0",
      "/github/home /__w/app/app /__w/app/app /__w/_temp /__t container",
      "/github/workflow/event.json /__w/_temp",
      '{"after":',
    ]);
    expect(log(attempt, "0")).toContain("found other");
    expect(log(attempt, "1")).toBe("/__w/app/app/sub\nseen\nfirst\ndata\n");
    expect(log(attempt, "2")).toContain("hello ada from /__w/_actions/v1/acme/node /__e/node24/bin/node");
    expect(log(attempt, "3")).toBe("container true\n");
    expect(log(attempt, "4")).toBe("true true\n");
    expect(log(attempt, "7")).toBe("post yes /__w/_actions/v1/acme/node\n");
    expect(attempt.finish?.outputs).toEqual({ where: "/__w/app/app", same: "false" });
    expect(bench.lastReport(attempt, 0)?.annotations).toMatchObject([{ level: "notice", file: "file.txt" }]);
    expect(bench.lastReport(attempt, 0)?.summary).toContain("# Summary");
    expect(attempt.finish?.receipt).toMatchObject({ leftCount: 0 });
    expect(log(attempt, "system")).toContain(`Steps run in a container of ${TEST_IMAGES.tools}`);
  }, 60_000);

  it("runs steps with sh where the image has nothing else, as the image's user, whose files all are", async () => {
    await bench.start({ withSlotUsers: true });
    const attempt = await run(`
      container: { image: '${TEST_IMAGES.shell}', options: '--user 1234:1235' }
      steps:
        - run: 'echo "$0"; id -u; id -g; echo x > mine; echo y > "$HOME/h"; echo z > "$RUNNER_TEMP/t"; echo "A=b" >> "$GITHUB_ENV"'
        - { run: 'echo "$A"; cat mine' }
        - { run: echo never, shell: bash }
    `);
    expectOutcome(attempt, "failed");
    expect(log(attempt, "0")).toMatch(/^\/github\/workflow\/1-script.sh\n1234\n1235\n$/);
    expect(log(attempt, "1")).toBe("b\nx\n");
    expect(bench.lastReport(attempt, 2)?.fault).toContain("the job's container does not have");
  }, 60_000);

  it("builds Docker actions, gives them what they are told, and takes what they leave", async () => {
    await bench.start({ withSlotUsers: true });
    const script = `#!/bin/sh
echo "stage $1 args $*"; pwd; echo "$HOME $GITHUB_WORKSPACE $INPUT_WHO $OWN $OVER $GITHUB_EVENT_PATH"
head -c 9 "$GITHUB_EVENT_PATH"; echo; cat "$GITHUB_WORKSPACE/from-host"
echo "out=from $INPUT_WHO" >> "$GITHUB_OUTPUT"; echo "ENVIRONMENT=set" >> "$GITHUB_ENV"
echo "kept=$1" >> "$GITHUB_STATE"; echo "made" > "$GITHUB_WORKSPACE/made"; echo "::notice file=/github/workspace/made::here"
`;
    shelf.add("acme/box@v1", {
      "action.yml": `name: box
inputs: { who: { default: nobody }, more: { default: two words } }
outputs: { out: { description: d } }
runs:
  using: docker
  image: Dockerfile
  args: [main, '\${{ inputs.who }}', '\${{ inputs.more }}']
  env: { OWN: 'of \${{ inputs.who }}', OVER: action }
  pre-entrypoint: /pre.sh
  post-entrypoint: /post.sh
`,
      Dockerfile: `FROM ${TEST_IMAGES.shell}\nCOPY main.sh pre.sh post.sh /\nENTRYPOINT ["/main.sh"]\n`,
      "main.sh": script,
      "pre.sh": '#!/bin/sh\necho "pre $INPUT_WHO"; echo "early=1" >> "$GITHUB_STATE"\n',
      "post.sh": '#!/bin/sh\necho "post $STATE_kept $STATE_early $INPUT_WHO"\n',
    });
    for (const name of ["main.sh", "pre.sh", "post.sh"]) makeExecutable(join(shelf.dir, "v1/acme/box", name));
    const attempt = await run(`
      outputs: { out: '\${{ steps.box.outputs.out }}' }
      steps:
        - run: echo host > from-host
        - { id: box, uses: acme/box@v1, with: { who: ada }, env: { OVER: step } }
        - run: 'echo "$ENVIRONMENT"; cat made'
    `);
    expectOutcome(attempt, "succeeded");
    expect(log(attempt, "1")).toContain(
      [
        "stage main args main ada two words",
        "/github/workspace",
        "/github/home /github/workspace ada of ada step /github/workflow/event.json",
        '{"after":',
        "host",
      ].join("\n"),
    );
    expect(log(attempt, "7")).toContain("pre ada\n");
    expect(log(attempt, "4")).toBe("post main 1 ada\n");
    expect(log(attempt, "2")).toBe("set\nmade\n");
    expect(attempt.finish?.outputs).toEqual({ out: "from ada" });
    expect(bench.lastReport(attempt, 1)?.annotations).toMatchObject([{ level: "notice", file: "made" }]);
  }, 60_000);

  it("runs images as steps, in composite actions and in jobs with a container, and local actions from the workspace", async () => {
    await bench.start({ withSlotUsers: true });
    shelf.add("acme/outer@v1", {
      "action.yml": `name: outer
inputs: { word: { default: w } }
outputs: { out: { value: '\${{ steps.in.outputs.out }}' } }
runs:
  using: composite
  steps:
    - id: in
      uses: docker://${TEST_IMAGES.shell}
      with:
        entrypoint: /bin/sh
        args: -c "echo \${{ inputs.word }} in $PWD; echo out=1 >> $GITHUB_OUTPUT"
`,
    });
    const attempt = await run(`
      container: '${TEST_IMAGES.shell}'
      outputs: { out: '\${{ steps.o.outputs.out }}' }
      steps:
        - { id: o, uses: acme/outer@v1, with: { word: hello } }
        - run: |
            mkdir -p .github/act; cd .github/act
            printf 'name: l\\nruns: { using: docker, image: Dockerfile }\\n' > action.yml
            printf 'FROM ${TEST_IMAGES.shell}\\nCOPY word /word\\nENTRYPOINT ["/bin/cat", "/word"]\\n' > Dockerfile
            echo "of the workspace" > word
        - uses: ./.github/act
        - { uses: 'docker://${TEST_IMAGES.shell}', with: { args: 'sh -c "exit 7"' }, continue-on-error: true }
        - { uses: 'docker://${TEST_IMAGES.shell}', with: { entrypoint: echo, args: '\${{ github.workspace }}/x' } }
    `);
    expectOutcome(attempt, "succeeded");
    expect(log(attempt, "0")).toContain("hello in /github/workspace\n");
    expect(attempt.finish?.outputs).toEqual({ out: "1" });
    expect(log(attempt, "2")).toContain("of the workspace\n");
    expect(bench.lastReport(attempt, 3)).toMatchObject({ outcome: "failed", exitCode: 7 });
    expect(log(attempt, "4")).toContain("/github/workspace/x\n");
    expect(bench.outcomes(attempt).slice(0, 5)).toEqual([
      ...["succeeded", "succeeded", "succeeded", "failed", "succeeded"],
    ]);
    expect(log(attempt, "system")).toMatch(new RegExp(`The image ${TEST_IMAGES.shell} is sha256:`));
    expect(bench.controller.images.get(TEST_IMAGES.shell)).toMatch(/^sha256:/);
  }, 90_000);

  it("F06: goes on with steps in containers and with Docker actions after a restart, byte for byte", async () => {
    const agent = await bench.start({ withSlotUsers: true });
    const wait = (name: string) => `while ! [ -e /__w/_temp/${name} ]; do sleep 0.05; done`;
    const attempt = offer(`
      container: '${TEST_IMAGES.shell}'
      steps:
        - run: 'echo one; ${wait("go")}; echo two'
        - { uses: 'docker://${TEST_IMAGES.shell}', with: { entrypoint: /bin/sh, args: '-c "echo three; while ! [ -e /github/runner_temp/on ]; do sleep 0.05; done; echo four"' } }
        - run: echo five
    `);
    const tmp = join(bench.agentDir, "work", attempt.offer.attemptId, "job/tmp");
    await waitFor("the step", () => log(attempt, "0").includes("one"), 20_000);
    await agent.stop();
    writeFileSync(join(tmp, "go"), "");
    const second = await bench.start({ withSlotUsers: true });
    await waitFor("the action", () => log(attempt, "1").includes("three"), 20_000);
    await second.stop();
    writeFileSync(join(tmp, "on"), "");
    await bench.start({ withSlotUsers: true });
    await bench.finished(attempt, 30_000);
    expectOutcome(attempt, "succeeded");
    expect(log(attempt, "0")).toBe("one\ntwo\n");
    expect(log(attempt, "1")).toMatch(/three\nfour\n$/);
    expect(log(attempt, "1").match(/three/g)).toHaveLength(1);
    expect(log(attempt, "2")).toBe("five\n");
  }, 90_000);

  it("gives a job back as lost whose container went while the agent was away", async () => {
    const agent = await bench.start({ withSlotUsers: true });
    const attempt = offer(`
      container: '${TEST_IMAGES.shell}'
      steps: [{ run: 'echo one; sleep 600' }]
    `);
    await waitFor("the step", () => log(attempt, "0").includes("one"), 20_000);
    await agent.stop();
    for (const { Id } of await engine.docker.listContainers())
      await engine.docker.getContainer(Id).remove({ force: true });
    await bench.start({ withSlotUsers: true });
    expect(await bench.finished(attempt, 30_000)).toMatchObject({ outcome: "lost", reason: "infra_fault" });
  }, 60_000);

  it("ends a step in a container and a Docker action when the job is cancelled", async () => {
    await bench.start({ withSlotUsers: true });
    for (const step of [
      "run: 'trap \"echo interrupted; exit 9\" INT; echo ready; while :; do sleep 0.1; done'",
      `{ uses: 'docker://${TEST_IMAGES.shell}', with: { entrypoint: /bin/sh, args: '-c "echo ready; sleep 600"' } }`,
    ]) {
      const attempt = offer(`
        container: '${TEST_IMAGES.shell}'
        steps:
          - ${step}
      `);
      await waitFor("the step", () => log(attempt, "0").includes("ready"), 20_000);
      bench.controller.say({ kind: "cancel", ...attempt.offer, reason: "asked" });
      expect(await bench.finished(attempt, 20_000)).toMatchObject({ outcome: "cancelled", receipt: { leftCount: 0 } });
    }
  }, 60_000);

  it("fails a job whose service is not healthy, with its last words; ends one that is cancelled while it waits", async () => {
    await bench.start({ withSlotUsers: true });
    const service = (health: string) => `
      services:
        db: { image: '${TEST_IMAGES.shell}', command: 'sh -c "echo starting; echo no disk; sleep 600"', options: '${health}' }
      steps: [{ run: echo never }]
    `;
    const sick = await run(service("--health-cmd false --health-interval 1s --health-retries 1"));
    expect(sick.finish).toMatchObject({ outcome: "failed", reason: "service_failed" });
    expect(log(sick, "system")).toContain("no disk");
    const slow = offer(service('--health-cmd "sleep 60" --health-interval 60s'));
    await waitFor("the wait", () => log(slow, "system").includes("db"), 20_000);
    bench.controller.say({ kind: "cancel", ...slow.offer, reason: "asked" });
    expect(await bench.finished(slow, 20_000)).toMatchObject({ outcome: "cancelled" });
    expect(bench.outcomes(slow)).toEqual([]);
  }, 60_000);

  it("offers the ports of services to a job without a container", async () => {
    await bench.start({ withSlotUsers: true });
    const attempt = await run(`
      services:
        web: { image: '${TEST_IMAGES.shell}', command: sleep 600, ports: ['8080'] }
        none: { image: '\${{ matrix.none }}' }
      steps:
        - run: echo "port \${{ job.services.web.ports['8080'] }} \${{ job.services.none.id }}."
    `);
    expectOutcome(attempt, "succeeded");
    expect(log(attempt, "0")).toMatch(/^port \d+ \.\n$/);
  }, 60_000);

  it("uses one image for one name in all jobs of a run, though the registry has another by now", async (context) => {
    const noRegistry = whyNoTestRegistry();
    if (noRegistry !== undefined) context.skip(noRegistry);
    const registry = await startTestRegistry(engine);
    try {
      await bench.start({ withSlotUsers: true });
      const image = await registry.publish("shell", "team/app");
      const step = `steps: [{ uses: 'docker://${image}', with: { entrypoint: cat, args: /etc/passwd } }]`;
      const first = await run(`\n${step}\n`);
      expectOutcome(first, "succeeded");
      const pinned = bench.controller.images.get(image);
      expect(pinned).toMatch(/^127.0.0.1:5000\/team\/app@sha256:[0-9a-f]{64}$/);
      expect(log(first, "system")).toContain(`The image ${image} is ${pinned}`);
      await registry.publish("tools", "team/app");
      const second = await run(`\n${step}\n`);
      expectOutcome(second, "succeeded");
      expect(log(second, "system")).toContain(`The image ${image} is ${pinned}`);
      bench.controller.images.clear();
      const ofAnotherRun = await run(`\n${step}\n`);
      expectOutcome(ofAnotherRun, "succeeded");
    } finally {
      await registry.stop();
    }
  }, 60_000);

  it("ships what a Docker action said again when the agent restarts after it, and runs its after-part", async () => {
    const agent = await bench.start({ withSlotUsers: true });
    shelf.add("acme/after@v1", {
      "action.yml":
        "name: a\nruns: { using: docker, image: Dockerfile, post-entrypoint: /post.sh, post-if: success() }\n",
      Dockerfile: `FROM ${TEST_IMAGES.shell}\nCOPY main.sh post.sh /\nENTRYPOINT ["/main.sh"]\n`,
      "main.sh": '#!/bin/sh\necho main; echo "at=main" >> "$GITHUB_STATE"\n',
      "post.sh": '#!/bin/sh\necho "after $STATE_at"\n',
    });
    for (const name of ["main.sh", "post.sh"]) makeExecutable(join(shelf.dir, "v1/acme/after", name));
    const attempt = offer(`
      steps:
        - uses: acme/after@v1
        - run: 'echo waiting; while ! [ -e "$RUNNER_TEMP/go" ]; do sleep 0.05; done'
    `);
    await waitFor("the second step", () => log(attempt, "1").includes("waiting"), 20_000);
    await agent.stop();
    const before = log(attempt, "0");
    await bench.start({ withSlotUsers: true });
    writeFileSync(join(bench.agentDir, "work", attempt.offer.attemptId, "job/tmp/go"), "");
    await bench.finished(attempt, 30_000);
    expectOutcome(attempt, "succeeded");
    expect(log(attempt, "0")).toBe(before);
    expect(before).toMatch(/Successfully built .*\nmain\n$/s);
    expect(log(attempt, "2")).toBe("after main\n");
  }, 60_000);

  it("keeps to what the pool allows: no containers at all", async () => {
    bench.controller.policy = { ...JOB_POLICY_DEFAULT, containersAllowed: false };
    await bench.start({ withSlotUsers: true });
    const refused = await run(`
      container: '${TEST_IMAGES.shell}'
      steps: [{ run: echo never }]
    `);
    expect(refused.finish).toMatchObject({ outcome: "failed", reason: "containers_unsupported" });
    const action = await run(`
      steps: [{ uses: 'docker://${TEST_IMAGES.shell}' }]
    `);
    expect(bench.lastReport(action, 0)?.fault).toBe("the job's pool allows no containers");
    expect(await engine.docker.listContainers({ all: true })).toEqual([]);
    expect(bench.outcomes(action)).toEqual(["failed"]);
  }, 60_000);

  it("runs steps in the container, or in the sandbox beside services, where the pool asks for a sandbox", async (context) => {
    const found = await findSandbox(undefined);
    if ("problem" in found) return context.skip(found.problem);
    await bench.stop();
    const sandbox = { bwrap: found.bwrap, network: "machine" as const, readable: [] };
    bench = makeBench(createHostBackend({ sandbox, confinement: "sandbox" }));
    bench.controller.policy = { ...JOB_POLICY_DEFAULT, confinement: "sandbox", farmAccess: true };
    await bench.start({ withSlotUsers: true });
    const inside = await run(`
      container: '${TEST_IMAGES.shell}'
      steps:
        - run: 'pwd; echo x > made; echo "A=1" >> "$GITHUB_ENV"'
        - { uses: 'docker://${TEST_IMAGES.shell}', with: { entrypoint: cat, args: made } }
        - run: echo "$A"
    `);
    expectOutcome(inside, "succeeded");
    expect(log(inside, "0")).toBe("/__w/app/app\n");
    expect(log(inside, "1")).toMatch(/x\n$/);
    expect(log(inside, "2")).toBe("1\n");
    const beside = await run(`
      services: { web: { image: '${TEST_IMAGES.shell}', command: sleep 600, ports: ['8080'] } }
      steps:
        - run: 'echo x > made; echo "\${{ job.services.web.ports[8080] }}"'
        - { uses: 'docker://${TEST_IMAGES.shell}', with: { entrypoint: cat, args: made } }
    `);
    expectOutcome(beside, "succeeded");
    expect(log(beside, "0")).toMatch(/^\d+\n$/);
    expect(log(beside, "1")).toMatch(/x\n$/);
  }, 60_000);

  it("fails a job that asks for what no container may have, and one whose image is nowhere", async () => {
    await bench.start({ withSlotUsers: true });
    const bad = await run(`
      container: { image: '${TEST_IMAGES.shell}', options: --privileged }
      steps: [{ run: echo never }]
    `);
    expect(bad.finish).toMatchObject({ outcome: "failed", reason: "container_refused" });
    expect(bad.finish?.message).toContain("privileged");
    const none = await run(`
      container: { image: 'no.such.registry.invalid/none:1' }
      steps: [{ run: echo never }]
    `);
    expect(none.finish?.outcome).not.toBe("succeeded");
  }, 60_000);
});

const makeExecutable = (path: string) => {
  if (!existsSync(path)) throw new Error(path);
  writeFileSync(path, readFileSync(path), { mode: 0o755 });
  chmodSync(path, 0o755);
};

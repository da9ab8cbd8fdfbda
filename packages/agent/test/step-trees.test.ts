// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "@windrow/model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ActionShelf, stepsOf } from "./action-shelf.ts";
import { AgentBench, waitFor } from "./agent-bench.ts";
import { type FakeAttempt, planOf } from "./fake-controller.ts";

let bench: AgentBench;
let shelf: ActionShelf;
beforeEach(() => {
  bench = new AgentBench({ openActions: () => shelf.port });
  shelf = new ActionShelf(join(bench.dir, "shelf"));
});
afterEach(() => bench.stop());

const offer = (steps: string, more: Partial<Plan> = {}) => bench.controller.offer(planOf(stepsOf(steps), more));
const log = (attempt: FakeAttempt, stepNo: number) => bench.controller.log(attempt, String(stepNo)).toString();
const logged = (attempt: FakeAttempt, stepNo: number, words: string) =>
  waitFor(`"${words}"`, () => log(attempt, stepNo).includes(words));
const gate = (name: string) => join(bench.dir, name);
const openGate = (name: string) => writeFileSync(gate(name), "");
const waitAt = (name: string) => `while ! [ -e ${gate(name)} ]; do sleep 0.02; done`;
/** A line in a file of the test's: a process that ran twice shows. */
const note = (words: string) => `echo ${words} >> ${gate("notes")}`;
const notes = () => (existsSync(gate("notes")) ? readFileSync(gate("notes"), "utf8").trim().split("\n") : []);

const composite = (steps: string, head = "") => `name: c\n${head}runs:\n  using: composite\n  steps:\n${steps}`;

function addTree(): void {
  shelf.add("acme/inner@v1", {
    "action.yml": composite(
      `    - name: deep
      id: deep
      run: |
        ${note("deep")}; echo "deep hush"; ${waitAt("go")}; echo "late=\${{ github.job }}" >> "$GITHUB_OUTPUT"; printf end
      shell: bash
`,
      "outputs: { late: { value: '${{ steps.deep.outputs.late }}' } }\n",
    ),
  });
  shelf.add("acme/posts@v1", {
    "action.yml": "name: p\nruns: { using: node24, pre: pre.js, main: main.js, post: post.js }\n",
    "pre.js": `require("fs").appendFileSync("${gate("notes")}", "pre\\n"); console.log("pre")`,
    "main.js": `require("fs").appendFileSync("${gate("notes")}", "main\\n"); console.log("::save-state name=s::kept")`,
    "post.js": `require("fs").appendFileSync("${gate("notes")}", "post\\n"); console.log("post " + process.env.STATE_s)`,
  });
  shelf.add("acme/outer@v1", {
    "action.yml": composite(
      `    - name: hide
      run: ${note("hide")}; echo "::add-mask::hush"; printf 'no newline'; echo "GIVEN=1" >> "$GITHUB_ENV"
      shell: bash
    - uses: acme/posts@v1
    - id: inner
      uses: acme/inner@v1
    - name: last
      run: ${note("last")}; echo "$GIVEN hush"
      shell: bash
`,
      "outputs: { word: { value: '${{ steps.inner.outputs.late }}' } }\n",
    ),
  });
}

const TREE_LOG = [
  "##[group]hide\n##[endgroup]\n::add-mask::***\nno newline\n",
  "##[group]Run acme/posts@v1\n##[endgroup]\n::save-state name=s::kept\n",
  "##[group]Run acme/inner@v1\n##[endgroup]\n##[group]deep\n##[endgroup]\ndeep ***\nend\n",
  "##[group]last\n##[endgroup]\n1 ***\n",
].join("");

describe("a tree of steps", () => {
  it("goes on over a restart of the agent in its middle: nothing runs twice, the log is the same bytes", async () => {
    addTree();
    const agent = await bench.start();
    const attempt = offer(`
      - id: tree
        uses: acme/outer@v1
      - run: echo "\${{ steps.tree.outputs.word }} $GIVEN"
    `);
    await logged(attempt, 0, "deep ***");
    await agent.stop();
    openGate("go");
    await bench.start();
    const finish = await bench.finished(attempt);
    expect(finish).toMatchObject({ outcome: "succeeded" });
    expect(log(attempt, 0)).toBe(TREE_LOG);
    expect(log(attempt, 1)).toBe("build 1\n");
    expect(log(attempt, 2)).toBe("post kept\n");
    expect(log(attempt, 4)).toBe("pre\n");
    expect(notes()).toEqual(["pre", "hide", "main", "deep", "last", "post"]);
    const sha256 = createHash("sha256").update(TREE_LOG).digest("hex");
    expect(finish.seals).toContainEqual({ stream: "0", lengthBytes: TREE_LOG.length, sha256 });
  });

  it("goes on at an after-part", async () => {
    addTree();
    shelf.add("acme/posts@v1", {
      "post.js": `const fs = require("fs"); fs.appendFileSync("${gate("notes")}", "post\\n"); console.log("waiting");
        const timer = setInterval(() => { if (fs.existsSync("${gate("post")}")) { clearInterval(timer); console.log("over"); } }, 20)`,
    });
    const agent = await bench.start();
    openGate("go");
    const attempt = offer("- uses: acme/outer@v1\n- run: exit 1");
    await logged(attempt, 2, "waiting");
    await agent.stop();
    openGate("post");
    await bench.start();
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "failed", reason: "step_failed" });
    expect(log(attempt, 0)).toBe(TREE_LOG);
    expect(log(attempt, 2)).toBe("waiting\nover\n");
    expect(notes().filter((word) => word === "post")).toHaveLength(1);
  });

  it("is shipped as far as it came when the machine restarted in its middle", async () => {
    addTree();
    const agent = await bench.start();
    const attempt = offer("- uses: acme/outer@v1");
    await logged(attempt, 0, "deep ***");
    await agent.stop();
    const site = join(bench.agentDir, "sites", attempt.offer.attemptId);
    const pid = Number(readFileSync(join(site, "supervisor.pid"), "latin1").split(" ")[0]);
    process.kill(pid, "SIGKILL");
    await waitFor("the supervisor to go", () => !existsSync(`/proc/${pid}`));
    rmSync(site, { recursive: true });
    await bench.start();
    const finish = await bench.finished(attempt);
    expect(finish).toMatchObject({ outcome: "lost", reason: "infra_fault" });
    const shipped = TREE_LOG.slice(0, TREE_LOG.indexOf("deep ***\n") + "deep ***\n".length);
    expect(log(attempt, 0)).toBe(shipped);
    const sha256 = createHash("sha256").update(shipped).digest("hex");
    expect(finish.seals).toContainEqual({ stream: "0", lengthBytes: shipped.length, sha256 });
    openGate("go");
  });

  it("is ended at the timeout of its step, whatever of it runs", async () => {
    shelf.add("acme/slow@v1", {
      "action.yml": composite(
        "    - { name: slow, run: exec sleep 60, shell: bash }\n    - { name: never, run: echo never, shell: bash, if: always() }\n",
      ),
    });
    await bench.start();
    const attempt = offer("- uses: acme/slow@v1\n  timeout-minutes: 0.01\n- run: echo on\n  if: failure()");
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "failed" });
    expect(bench.outcomes(attempt)).toEqual(["timed_out", "succeeded"]);
    expect(log(attempt, 0)).toBe("##[group]slow\n##[endgroup]\n");
  });

  it("is cancelled inside: its later steps see it, and after-parts run", async () => {
    addTree();
    shelf.add("acme/long@v1", {
      "action.yml": composite(`    - uses: acme/posts@v1
    - { name: long, run: echo up; exec sleep 60, shell: bash }
    - { name: default, run: echo never, shell: bash }
    - { name: always, run: "echo \${{ job.status }} \${{ github.action_status }}", shell: bash, if: always() }
`),
    });
    await bench.start();
    const attempt = offer("- uses: acme/long@v1");
    await logged(attempt, 0, "\nup\n");
    bench.controller.say({ kind: "cancel", ...attempt.offer, reason: "a person asked" });
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "cancelled" });
    expect(log(attempt, 0)).toContain("##[group]always\n##[endgroup]\ncancelled cancelled\n");
    expect(log(attempt, 0)).not.toContain("never");
    expect(log(attempt, 1)).toBe("post kept\n");
    expect(bench.outcomes(attempt)).toEqual(["cancelled", "succeeded", "succeeded"]);
  });
});

describe("contexts and variables of a job", () => {
  it("are those of the plan", async () => {
    await bench.start();
    const attempt = offer(
      `
      - run: |
          echo "\${{ vars.COLOUR }} \${{ inputs.count }} \${{ inputs.deep.x }} \${{ github.head_ref }}/\${{ github.base_ref }}"
          echo "$RUNNER_DEBUG \${{ runner.debug }} \${{ runner.os }} \${{ toJSON(job) }}"
          test "$GITHUB_ENV" = "\${{ github.env }}" && test "$GITHUB_PATH" = "\${{ github.path }}"
          echo "$GITHUB_ACTION \${{ github.action }} $GITHUB_TRIGGERING_ACTOR"
    `,
      {
        vars: { COLOUR: "green", ACTIONS_STEP_DEBUG: "true" },
        inputs: { count: 3, deep: { x: true } },
        headRef: "topic",
        baseRef: "main",
        triggeringActor: "bob",
      },
    );
    expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
    const lines = log(attempt, 0).split("\n");
    expect(lines[0]).toBe("green 3 true topic/main");
    expect(lines.slice(1, -2).join("")).toMatch(/^1 1 Linux \{.*status: success.*container: \{\}.*services: \{\}/);
    expect(lines.at(-2)).toBe("__run __run bob");
  });

  it("that cannot be evaluated fail the job with a sentence", async () => {
    await bench.start();
    const attempt = offer("- run: echo never", { env: [["BAD", "${{ fromJSON('{') }}"]] });
    expect(await bench.finished(attempt)).toMatchObject({
      outcome: "failed",
      reason: "invalid_expression",
      message: expect.stringContaining("fromJSON got a text that is not JSON"),
    });
  });
});

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { join } from "node:path";
import type { Plan } from "@windrow/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ActionShelf, stepsOf } from "./action-shelf.ts";
import { AgentBench } from "./agent-bench.ts";
import { type FakeAttempt, planOf } from "./fake-controller.ts";

let bench: AgentBench;
let shelf: ActionShelf;
beforeAll(async () => {
  bench = new AgentBench({ openActions: () => shelf.port });
  shelf = new ActionShelf(join(bench.dir, "shelf"));
  await bench.start();
});
afterAll(() => bench.stop());

async function run(steps: string, more: Partial<Plan> = {}): Promise<FakeAttempt> {
  const attempt = bench.controller.offer(planOf(stepsOf(steps), more));
  await bench.finished(attempt);
  return attempt;
}

const log = (attempt: FakeAttempt, stepNo: number) => bench.controller.log(attempt, String(stepNo)).toString();
const system = (attempt: FakeAttempt) => bench.controller.log(attempt, "system").toString();

describe("JavaScript actions", () => {
  it("get inputs and state, run before-parts first and after-parts last in reverse order", async () => {
    const part = (name: string) => `console.log("${name}", process.env["INPUT_WHO-IS"], process.env.INPUT_MORE_WORDS,
      process.env.STATE_by ?? "-", process.env.GITHUB_ACTION_REPOSITORY, process.env.GITHUB_ACTION);
      require("fs").appendFileSync(process.env.GITHUB_STATE, "by=${name}\\n");`;
    const runs = "runs: { using: node24, pre: pre.js, main: main.js, post: post.js }";
    const action = `name: a\ninputs: { who-is: { default: nobody }, more words: { default: "\${{ github.repository }}" } }\n${runs}\n`;
    const files = { "pre.js": part("pre"), "main.js": part("main"), "post.js": part("post") };
    shelf.add("acme/first@v1", { "action.yml": action, ...files });
    shelf.add("acme/second@v1", { "action.yml": action, ...files });
    const attempt = await run(`
      - run: echo begin
      - uses: acme/first@v1
        with: { Who-Is: ada }
      - uses: acme/second@v1
    `);
    expect(attempt.finish?.outcome).toBe("succeeded");
    expect(log(attempt, 7)).toBe("pre ada acme/app - acme/first acmefirst\n");
    expect(log(attempt, 8)).toBe("pre nobody acme/app - acme/second acmesecond\n");
    expect(log(attempt, 1)).toBe("main ada acme/app pre acme/first acmefirst\n");
    expect(log(attempt, 5)).toBe("post nobody acme/app main acme/second acmesecond\n");
    expect(log(attempt, 4)).toBe("post ada acme/app main acme/first acmefirst\n");
    const order = attempt.reports.filter((report) => report.state === "finished").map((report) => report.stepNo);
    expect(order).toEqual([7, 8, 0, 1, 2, 5, 4]);
    expect(bench.lastReport(attempt, 4)?.name).toBe("Post Run acme/first@v1");
  });

  it("fail their job when an after-part fails, and see how the job stands", async () => {
    const action = (post: string) => `name: p\nruns: { using: node20, main: m.js, post: p.js, post-if: "${post}" }\n`;
    const failing = 'console.log("after " + process.env.GITHUB_JOB); process.exit(3)';
    shelf.add("acme/post-fails@v1", { "action.yml": action("always()"), "m.js": "", "p.js": failing });
    shelf.add("acme/post-if@v1", { "action.yml": action("failure()"), "m.js": "", "p.js": 'console.log("cleaned")' });
    const attempt = await run("- uses: acme/post-if@v1\n- uses: acme/post-fails@v1");
    expect(attempt.finish).toMatchObject({ outcome: "failed", reason: "step_failed" });
    expect(bench.lastReport(attempt, 3)).toMatchObject({ outcome: "failed", exitCode: 3 });
    expect(log(attempt, 3)).toBe("after build\n");
    // The job has failed by then.
    expect(log(attempt, 2)).toBe("cleaned\n");
  });

  it("fail when the condition of their after-part cannot be evaluated", async () => {
    const action = "name: p\nruns: { using: node20, main: m.js, post: p.js, post-if: \"fromJSON('{')\" }\n";
    shelf.add("acme/post-if-bad@v1", { "action.yml": action, "m.js": "", "p.js": "" });
    const attempt = await run("- uses: acme/post-if-bad@v1");
    expect(attempt.finish).toMatchObject({ outcome: "failed", reason: "step_failed" });
    expect(bench.lastReport(attempt, 1)?.fault).toContain("fromJSON");
  });

  it("are told wrong from right inputs by a remark", async () => {
    shelf.add("acme/strict@v1", {
      "action.yml":
        "name: s\ninputs: { known: { deprecationMessage: take other } }\nruns: { using: node24, main: m.js }\n",
      "m.js": "console.log(process.env.INPUT_ODD)",
    });
    const attempt = await run("- uses: acme/strict@v1\n  with: { odd: 1, known: 2 }");
    expect(bench.lastReport(attempt, 0)?.annotations?.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      "warning: Input 'known' has been deprecated with message: take other",
      "warning: Unexpected input(s) 'odd', valid inputs are ['known']",
    ]);
    expect(log(attempt, 0)).toBe("1\n");
  });

  it("from the workspace run without their before-part", async () => {
    const attempt = await run(`
      - run: |
          mkdir -p .github/actions/mine
          echo 'runs: { using: node24, pre: a.js, main: b.js, post: c.js }' > .github/actions/mine/action.yml
          for part in a b c; do echo "console.log('part $part')" > .github/actions/mine/$part.js; done
      - uses: ./.github/actions/mine
    `);
    expect(attempt.finish?.outcome).toBe("succeeded");
    expect(log(attempt, 1)).toBe("part b\n");
    expect(log(attempt, 3)).toBe("part c\n");
    expect(bench.lastReport(attempt, 1)?.annotations?.[0]?.message).toContain("'pre'");
  });
});

describe("actions that cannot be run", () => {
  it.each([
    ["uses: acme/nowhere@v1", "acme/nowhere@v1"],
    ["uses: docker://alpine:3", "this agent has no Docker engine to make containers with"],
    ["uses: ./missing", "there is no action.yml in 'missing'"],
  ])("%s is refused by name", async (step, words) => {
    const attempt = await run(`- ${step}`);
    expect(attempt.finish?.outcome).toBe("failed");
    expect(bench.lastReport(attempt, 0)?.fault).toContain(words);
    expect(system(attempt)).toContain(words);
  });

  it("refuses a local action file that leads out of the workspace, and a broken one with its line", async () => {
    const attempt = await run(`
      - run: |
          mkdir linked dir broken
          ln -s /etc/hostname linked/action.yml
          ln -s /etc away
          printf 'runs:\\n  using: composite\\n  stepz: []\\n' > broken/action.yml
      - uses: ./linked
        continue-on-error: true
      - uses: ./broken
        continue-on-error: true
      - run: echo on
    `);
    expect(bench.lastReport(attempt, 1)?.fault).toContain("it is a link");
    expect(bench.lastReport(attempt, 2)?.fault).toContain("broken/action.yml, line");
    expect(log(attempt, 3)).toBe("on\n");
  });

  it("refuses Docker actions, containers and services by name", async () => {
    shelf.add("acme/boxed@v1", { "action.yml": "name: b\nruns: { using: docker, image: Dockerfile }\n" });
    const boxed = await run("- uses: acme/boxed@v1");
    expect(bench.lastReport(boxed, 0)?.fault).toContain("this agent has no Docker engine to make containers with");
    const services = [{ name: "db", image: "postgres", env: [], ports: [], volumes: [] }];
    const served = await run("- run: echo never", { services });
    expect(served.finish).toMatchObject({ outcome: "failed", reason: "containers_unsupported" });
    expect(served.reports).toEqual([]);
  });
});

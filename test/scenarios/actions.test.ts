import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Farm } from "../kit/farm.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";

let mirrors: string;
let farm: Farm;
beforeAll(async () => {
  mirrors = mkdtempSync(join(tmpdir(), "windrow-mirrors-"));
  farm = await Farm.start({ controllers: 2, agents: 1, controllerEnv: { WINDROW_ACTIONS_DIR: mirrors } });
});
afterAll(async () => {
  await farm?.stop();
  rmSync(mirrors, { recursive: true, force: true });
});

/** Commits files to an action's repository in the mirror folder. */
function commit(repository: string, files: Readonly<Record<string, string>>): string {
  const work = join(mirrors, repository);
  mkdirSync(work, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), text);
  }
  const git = (...argv: string[]) =>
    execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...argv], {
      cwd: work,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  git("init", "--quiet", "--initial-branch=main");
  git("add", ".");
  git("commit", "--quiet", "-m", "a version");
  return git("rev-parse", "HEAD");
}

const SPEAKER = "name: speak\ninputs: {who: {required: true}}\nruns: {using: node24, main: main.js, post: post.js}\n";

test("a JavaScript action of the mirror folder runs in all jobs of a run at one commit, also when its branch moves", async () => {
  const first = commit("acme/speak", {
    "action.yml": SPEAKER,
    "main.js": "console.log('one ' + process.env.INPUT_WHO);",
    "post.js": "console.log('after one');",
  });
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  left:
    runs-on: linux
    steps: [{ uses: acme/speak@main, with: { who: left } }]
  right:
    needs: left
    runs-on: later
    steps:
      - { uses: acme/speak@main, with: { who: "\${{ needs.left.result }}" } }
      - uses: actions/cache@v4
        continue-on-error: true
        with: { path: x, key: y }
`,
  );
  const answer = async () => {
    const response = await fetch(`${farm.url}/api/v1/runs/${runId}`, {
      headers: { authorization: `Bearer ${farm.adminToken}` },
    });
    const run: unknown = await response.json();
    return run;
  };
  const pinned = { actions: [{ repository: "acme/speak", ref: "main", sha: first }] };
  await expect.poll(answer, { timeout: 20_000 }).toMatchObject(pinned);
  const second = commit("acme/speak", { "main.js": "console.log('two ' + process.env.INPUT_WHO);" });
  expect(second).not.toBe(first);
  await farm.startAgent({ name: "agent-2", labels: "later", controller: 1 });
  const run = await farm.waitRunFinished(runId);
  expect(run.conclusion).toBe("success");
  const jobs = await farm.jobs(runId);
  const log = async (key: string, stream: string) => {
    const jobId = jobs.find((job) => job.key === key)?.id ?? 0;
    return (await readLog(farm, { jobId, stream })).toString();
  };
  expect(await log("left", "0")).toBe("one left\n");
  expect(await log("left", "1")).toBe("after one\n");
  expect(await log("right", "0")).toBe("one success\n");
  expect(await answer()).toMatchObject(pinned);
});

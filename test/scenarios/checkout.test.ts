import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findSandbox } from "@windrow/backends";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Farm } from "../kit/farm.ts";
import { GitRepository } from "../kit/git-repository.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { waitFor } from "../kit/wait-for.ts";

let farm: Farm;
let sha: string;
beforeAll(async () => {
  farm = await Farm.start({ controllers: 1, agents: 1 });
  const library = await GitRepository.create();
  sha = await library.commit({ "lib.txt": "from the library\n" });
  await library.push({ url: `${farm.url}/git/me/library.git`, token: farm.adminToken });
});
afterAll(() => farm?.stop());

async function run(steps: string, options: Parameters<typeof pushWorkflow>[2] & { permissions?: string } = {}) {
  const { permissions = "{ contents: read }", ...more } = options;
  const workflow = `on: push\npermissions: ${permissions}\njobs:\n  a:\n    runs-on: linux\n    steps:\n${steps}`;
  const pushed = await pushWorkflow(farm, workflow, more);
  const { conclusion } = await farm.waitRunFinished(pushed.runId);
  const [job] = await farm.jobs(pushed.runId);
  const log = async (stream: string) => (await readLog(farm, { jobId: job?.id ?? 0, stream })).toString();
  return { ...pushed, conclusion, log };
}

const LIBRARY = "      - { uses: actions/checkout@v4, with: { repository: me/library, path: lib } }\n";

test("a job checks out another repository of the farm as soon as that one lets it, and pushes to none but its own", async () => {
  const refused = await run(LIBRARY, { name: "me/app" });
  expect(refused.conclusion).toBe("failure");
  expect(await refused.log("0")).toContain("there is no repository me/library that jobs of me/app may read");
  expect(await refused.log("0")).toContain("windrow repo set me/library --readable-by owner");
  await farm.api("PATCH", "/api/v1/repositories/me/library", { body: { readable_by: "owner" } });
  const steps = `      - uses: actions/checkout@v4
${LIBRARY}      - run: |
          cat lib/lib.txt; git -C lib rev-parse HEAD
          git -C lib push -q origin HEAD:refs/heads/mine 2>&1 | grep -o 'this job may push to me/reader only' || true
          git push -q origin HEAD:refs/heads/mine 2> /dev/null && echo pushed
`;
  const seen = await run(steps, { name: "me/reader", permissions: "{ contents: write }" });
  expect(await seen.log("2")).toBe(`from the library\n${sha}\nthis job may push to me/reader only\npushed\n`);
  expect(seen.conclusion).toBe("success");
  const none = await run("      - uses: actions/checkout@v4\n", { name: "me/none", permissions: "{}" });
  expect(none.conclusion).toBe("failure");
  expect(await none.log("system")).toMatch(/may not read me\/none.*contents: read/);
});

test.for(["host", "sandbox"] as const)(
  "a large repository is fetched once for an agent, and its copy is nobody's to find or to change: %s",
  async (backend, context) => {
    const found = await findSandbox(undefined);
    if (backend === "sandbox" && "problem" in found) context.skip(found.problem);
    const gates = makeGates(backend);
    const env = { WINDROW_AGENT_BACKEND: backend, WINDROW_AGENT_READABLE: gates };
    // `sandbox` itself is a label of every agent that can make one
    const label = `on-${backend}`;
    await farm.startAgent({ name: backend, labels: label, env });
    const repository = await GitRepository.create();
    writeFileSync(join(repository.dir, "data"), randomBytes(6 * 1024 * 1024));
    const steps = `    steps:
      - uses: actions/checkout@v4
      - run: |
          copy=$(cat .git/objects/info/alternates 2>/dev/null) || { echo none; exit 0; }
          ls "$copy" > /dev/null && echo readable
          ls "$copy/../../.." > /dev/null 2>&1 && echo listed
          touch "$copy/x" 2>/dev/null && echo written
          git fsck --connectivity-only --no-dangling && git log --format=%s -1
      - run: until [ -e ${gates}/go ]; do sleep 0.1; done
`;
    const workflow = `on: push\njobs:\n  a:\n    runs-on: ${label}\n${steps}`;
    const push = async (message: string, whileItRuns?: () => Promise<unknown>) => {
      const at = await repository.commit({ ".windrow/workflows/ci.yml": workflow }, message);
      await repository.push({ url: `${farm.url}/git/me/heavy-${backend}.git`, token: farm.adminToken });
      const row = await waitFor("the run", () =>
        farm.db.selectFrom("runs").select("id").where("sha", "=", at).executeTakeFirst(),
      );
      await whileItRuns?.();
      expect((await farm.waitRunFinished(row.id)).conclusion).toBe("success");
      const [job] = await farm.jobs(row.id);
      return (await readLog(farm, { jobId: job?.id ?? 0, stream: "1" })).toString();
    };
    const isRoot = process.getuid?.() === 0;
    // filled while the job may still ask for it; an agent that is not root keeps none
    const first = await push("first", async () => {
      if (isRoot) await waitFor("the copy", () => findCopy(backend));
      writeFileSync(join(gates, "go"), "");
    });
    expect(first).toBe("none\n");
    if (!isRoot) return expect(findCopy(backend)).toBeUndefined();
    const copy = findCopy(backend) ?? "";
    expect(statSync(copy).uid).not.toBe(0);
    // the new commit is not in the copy yet: what is new comes beside it
    expect(await push("second")).toBe("readable\nsecond\n");
  },
);

/** A folder that every job of the agent sees. */
function makeGates(name: string): string {
  const dir = join(farm.dir, `gates-${name}`);
  mkdirSync(dir);
  chmodSync(dir, 0o755);
  return dir;
}

/** Its objects; of small repositories none are kept. */
function findCopy(agent: string): string | undefined {
  const mirrors = join(farm.agent(agent).dir, "mirrors");
  const names = readdirSync(mirrors).filter((name) => !name.startsWith("."));
  return names.map((name) => join(mirrors, name, "git/objects")).find((objects) => existsSync(objects));
}

const hasLfs = spawnSync("git", ["lfs", "version"]).status === 0;
test("large files of git LFS come with a checkout, and go with a push of a job", async (context) => {
  if (!hasLfs) context.skip("git-lfs is not installed");
  const repository = await GitRepository.create();
  await repository.git("lfs", "install", "--local");
  writeFileSync(join(repository.dir, "large.bin"), Buffer.alloc(100_000, "large"));
  const workflow = `on: push
permissions: { contents: write }
jobs:
  a:
    runs-on: linux
    steps:
      - { uses: actions/checkout@v4, with: { lfs: true } }
      - run: |
          wc -c < large.bin; git lfs ls-files -n
          git config user.name Bo; git config user.email bo@example.org
          head -c 5000 large.bin > other.bin; git add other.bin; git commit -qm other
          git lfs push origin HEAD && git push -q origin HEAD:refs/heads/other && echo pushed
      - { uses: actions/checkout@v4, with: { lfs: true, ref: other, path: again } }
      - run: wc -c < again/other.bin
`;
  const files = { ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n" };
  const at = await repository.commit({ ...files, ".windrow/workflows/ci.yml": workflow });
  const push = await repository.push({ url: `${farm.url}/git/me/files.git`, token: farm.adminToken });
  expect(push.code, push.stderr).toBe(0);
  const row = await waitFor("the run", () =>
    farm.db.selectFrom("runs").select("id").where("sha", "=", at).executeTakeFirst(),
  );
  const { conclusion } = await farm.waitRunFinished(row.id);
  const [job] = await farm.jobs(row.id);
  const log = async (stream: string) => (await readLog(farm, { jobId: job?.id ?? 0, stream })).toString();
  expect(await log("0")).toContain("HEAD is now at");
  expect(await log("1")).toMatch(/^100000\nlarge\.bin\n[\s\S]*pushed\n$/);
  expect(await log("3")).toBe("5000\n");
  expect(conclusion).toBe("success");
});

import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Plan } from "@windrow/model";
import { createLogger, systemClock } from "@windrow/service";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Gateway, startGateway } from "../src/gateway/gateway.ts";
import { createMirrors, type MirrorJob, type Mirrors } from "../src/mirrors/mirrors.ts";
import { AgentBench, waitFor } from "./agent-bench.ts";
import { checkoutStep, planOf, runStep } from "./fake-controller.ts";
import { type GitServer, startGitServer } from "./git-server.ts";

const MIB = 1024 * 1024;
let server: GitServer;
let shas: { first: string; second: string };

beforeAll(async () => {
  server = await startGitServer();
  server.add("acme/large", (work, git) => {
    for (const size of [5, 1]) {
      writeFileSync(join(work, "data"), randomBytes(size * MIB));
      git("add", ".");
      git("commit", "-qm", `${size} MiB`);
    }
    shas = { first: git("rev-parse", "HEAD~1"), second: git("rev-parse", "HEAD") };
  });
  server.add("acme/small", () => {});
});
afterAll(() => server.stop());

describe.runIf(process.getuid?.() === 0)("a checkout on an agent that has the repository (needs root)", () => {
  let bench: AgentBench;
  beforeEach(async () => {
    bench = new AgentBench({ controllerUrl: server.url });
    await bench.start({ withSlotUsers: true });
    server.takeTraffic();
  });
  afterEach(() => bench.stop());

  const mirrorsDir = () => join(bench.agentDir, "mirrors");
  const notes = () =>
    readdirSync(mirrorsDir())
      .filter((name) => !name.startsWith(".") && existsSync(join(mirrorsDir(), name, "note.json")))
      .map((name) => ({
        name,
        ...(JSON.parse(readFileSync(join(mirrorsDir(), name, "note.json"), "utf8")) as {
          trust: string;
          isSmall: boolean;
        }),
      }));
  const SHOW =
    "cat .git/objects/info/alternates 2>/dev/null || true; git rev-list --count HEAD; git fsck --full 2>&1 | grep -v dangling || true";
  async function checkOut(inputs: Record<string, string> = {}, more: Partial<Plan> = {}, then = SHOW) {
    const plan = planOf([checkoutStep(inputs), runStep(then)], { repository: "acme/large", sha: shas.second, ...more });
    const attempt = bench.controller.offer(plan);
    const { outcome } = await bench.finished(attempt, 20_000);
    const log = (stream: string) => bench.controller.log(attempt, stream).toString();
    return { outcome, checkout: log("0"), after: log("1"), ...server.takeTraffic() };
  }
  const filled = (count = 1) => waitFor("the mirror", () => notes().length >= count);

  it("fetches next to nothing, shallow or whole, and reads the agent's copy", async () => {
    const cold = await checkOut();
    expect(cold).toMatchObject({ outcome: "succeeded", after: "1\n" });
    expect(cold.bytes).toBeGreaterThan(MIB);
    await filled();
    server.takeTraffic();
    for (const [depth, count] of [
      ["1", 1],
      ["2", 2],
      ["0", 3],
    ] as const) {
      const warm = await checkOut({ "fetch-depth": depth });
      expect(warm.outcome).toBe("succeeded");
      expect(warm.after).toMatch(new RegExp(`^${mirrorsDir()}/[0-9a-f]{40}/git/objects\n${count}\n$`));
      expect(warm.bytes).toBeLessThan(16 * 1024);
    }
    const older = await checkOut({ ref: shas.first });
    expect([older.outcome, older.bytes < 16 * 1024]).toEqual(["succeeded", true]);
  });

  it("keeps what untrusted jobs read apart from what trusted ones read", async () => {
    await checkOut();
    await filled();
    server.takeTraffic();
    const stranger = await checkOut({}, { trust: "untrusted" });
    expect(stranger.after).toBe("1\n");
    expect(stranger.bytes).toBeGreaterThan(MIB);
    await filled(2);
    expect(
      notes()
        .map(({ trust }) => trust)
        .sort(),
    ).toEqual(["trusted", "untrusted"]);
  });

  it("leaves small repositories alone", async () => {
    const sha = server.git(join(server.folder, "work/acme/small"), "rev-parse", "HEAD");
    const of = { repository: "acme/small", sha };
    await checkOut({}, of);
    await filled();
    expect(notes()).toMatchObject([{ isSmall: true }]);
    server.takeTraffic();
    const again = await checkOut({}, of);
    expect(again.after).toBe("1\n");
    // asks for its own refs and objects, and nobody for the mirror's
    expect(again.requests).toHaveLength(2);
  });

  it("goes on without a copy that is damaged, and the agent makes it again", async () => {
    await checkOut();
    await filled();
    const [before] = notes();
    const packs = join(mirrorsDir(), before?.name ?? "", "git/objects/pack");
    const pack = join(packs, readdirSync(packs).find((name) => name.endsWith(".pack")) ?? "");
    // the same size: only who reads it finds out
    const bytes = readFileSync(pack);
    rmSync(pack);
    writeFileSync(pack, bytes.fill(7, 200, bytes.length - 200));
    const seen = await checkOut();
    expect(seen.outcome).toBe("succeeded");
    expect(seen.checkout).toContain("The agent's own copy of acme/large is of no use; fetching everything");
    expect(seen.after).toBe("1\n");
    // the agent was told; a later checkout has it made again
    expect((await checkOut()).after).toBe("1\n");
    const again = await waitFor("another mirror", () => notes().find(({ name }) => name !== before?.name));
    // cut short: the agent sees it before it is used
    const other = join(mirrorsDir(), again.name, "git/objects/pack");
    truncateSync(join(other, readdirSync(other).find((name) => name.endsWith(".pack")) ?? ""), 1_000);
    expect((await checkOut()).after).toBe("1\n");
    await waitFor("a third mirror", () => notes().some(({ name }) => ![before?.name, again.name].includes(name)));
    server.takeTraffic();
    const warm = await checkOut();
    expect([warm.outcome, warm.bytes < 16 * 1024]).toEqual(["succeeded", true]);
  });
});

describe("mirrors", () => {
  let gateway: Gateway;
  let dir: string;
  let mirrors: Mirrors;
  const job: MirrorJob = {
    ...{ repository: "acme/large", trust: "trusted", attemptId: "one", jobToken: "wrt_one" },
    sha: "0".repeat(40),
  };
  beforeEach(async () => {
    dir = join(server.folder, randomBytes(4).toString("hex"));
    mkdirSync(join(dir, "work"), { recursive: true });
    const logger = createLogger({ component: "test", level: "silent" });
    gateway = await startGateway({ controllerUrl: server.url, logger });
    gateway.admit({ jobToken: "wrt_one", farmToken: "wrt_one", repository: "acme/large", runId: 1, jobId: 1 });
    mirrors = make();
  });
  afterEach(async () => {
    await mirrors.stop();
    await gateway.stop();
  });
  const make = () =>
    createMirrors({
      ...{ dir: join(dir, "mirrors"), workRootDir: join(dir, "work"), gatewayUrl: gateway.serverUrl },
      ...{ path: "/usr/bin:/bin", clock: systemClock, bytesMin: 0 },
      logger: createLogger({ component: "test", level: "silent" }),
    });
  async function fill(one: MirrorJob): Promise<string> {
    mirrors.open(one).refresh();
    await mirrors.idle();
    return mirrors.open(one).dir ?? "";
  }

  it("stay while an attempt uses them, and go by last use", async () => {
    const large = await fill({ ...job, sha: shas.second });
    const small = await fill({ ...job, repository: "acme/small", attemptId: "two" });
    expect([statSync(large).isDirectory(), statSync(small).isDirectory()]).toEqual([true, true]);
    const total = await mirrors.bytes();
    expect(total).toBeGreaterThan(6 * MIB);
    expect(await mirrors.dropMirrors(0)).toEqual({ droppedCount: 0, bytes: 0 });
    rmSync(join(dir, "work/one"), { recursive: true });
    expect(await mirrors.dropMirrors(total)).toEqual({ droppedCount: 0, bytes: 0 });
    expect(await mirrors.dropMirrors(MIB)).toMatchObject({ droppedCount: 1 });
    expect([existsSync(large), existsSync(small)]).toEqual([false, true]);
    expect(mirrors.open(job).dir).toBeUndefined();
  });

  it("bring what was pushed since, and only branches and tags", async () => {
    const work = join(server.folder, "work/acme/large");
    await fill({ ...job, sha: shas.second });
    server.git(work, "commit", "-q", "--allow-empty", "-m", "third");
    const third = server.git(work, "rev-parse", "HEAD");
    server.git(work, "push", "-q", "origin", "HEAD:refs/heads/later");
    server.git(work, "commit", "-q", "--allow-empty", "-m", "hidden");
    server.git(work, "push", "-q", "origin", "HEAD:refs/try/1");
    const at = await fill({ ...job, sha: third });
    const has = (sha: string) => server.git(at, "cat-file", "-t", sha);
    expect(has(third)).toBe("commit");
    expect(server.git(at, "for-each-ref", "--format=%(refname)")).toBe("refs/heads/later\nrefs/heads/main");
    expect(() => has(server.git(work, "rev-parse", "HEAD"))).toThrow();
  });

  it("of an agent that was killed while it wrote are made again", async () => {
    const at = await fill(job);
    const note = join(at, "../note.json");
    const text = readFileSync(note, "utf8");
    await mirrors.stop();
    rmSync(join(dir, "work/one"), { recursive: true });
    mkdirSync(join(dir, "mirrors/.new-half"));
    writeFileSync(note, text.replace('"isChanging":false', '"isChanging":true'));
    mirrors = make();
    expect(readdirSync(join(dir, "mirrors"))).toEqual([]);
    expect(mirrors.open(job).dir).toBeUndefined();
    const again = await fill(job);
    expect(again).not.toBe(at);
    await mirrors.stop();
    mirrors = make();
    expect(mirrors.open(job).dir).toBe(again);
  });

  it("never keep a job from its checkout: without room for a note, and with a folder that went", async () => {
    const at = await fill({ ...job, sha: shas.second });
    rmSync(join(dir, "work/one"), { recursive: true });
    writeFileSync(join(dir, "work/one"), "no folder");
    expect(mirrors.open({ ...job, sha: shas.second }).dir).toBeUndefined();
    rmSync(join(at, ".."), { recursive: true });
    expect(await mirrors.bytes()).toBe(0);
    expect(await mirrors.dropMirrors(0)).toEqual({ droppedCount: 0, bytes: 0 });
    expect(mirrors.open({ ...job, attemptId: "two" }).dir).toBeUndefined();
  });

  it("are not made with a token that opens nothing", async () => {
    expect(await fill({ ...job, jobToken: "wrt_wrong" })).toBe("");
    expect(readdirSync(join(dir, "mirrors"))).toEqual([]);
  });
});

it("there are none where jobs are the agent's own user, who could list and change them", async () => {
  const bench = new AgentBench({ controllerUrl: server.url });
  server.takeTraffic();
  try {
    await bench.start();
    const attempt = bench.controller.offer(planOf([checkoutStep()], { repository: "acme/large", sha: shas.second }));
    expect((await bench.finished(attempt, 20_000)).outcome).toBe("succeeded");
    expect(server.takeTraffic().requests.length).toBeLessThanOrEqual(3);
    expect(readdirSync(join(bench.agentDir, "mirrors"))).toEqual([]);
  } finally {
    await bench.stop();
  }
});

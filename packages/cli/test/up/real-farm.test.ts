import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findFreePort } from "@windrow/embedded/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createApiClient } from "../../src/api/client.ts";
import { pushEnvironment } from "../../src/git/push-environment.ts";
import { runGit } from "../../src/git/run-git.ts";

interface Event {
  readonly event: string;
  readonly conclusion?: string;
  readonly run_id?: number;
}

const folder = mkdtempSync(join(tmpdir(), "windrow-real-farm-"));
execFileSync("chmod", ["755", folder]);
const data = join(folder, "data");
const ports: number[] = [];
const running: ChildProcess[] = [];

/** `windrow up --json` as a script would start it. */
function startUp(): { child: ChildProcess; event(name: string): Promise<Event>; seen: readonly Event[] } {
  const [port, grpcPort, natsPort] = ports;
  const command = fileURLToPath(new URL("../../bin/windrow.cjs", import.meta.url));
  const flags = ["--data", data, "--port", `${port}`, "--grpc-port", `${grpcPort}`, "--nats-port", `${natsPort}`];
  const child = spawn(process.execPath, [command, "up", "--json", ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  running.push(child);
  const seen: Event[] = [];
  const waiting: { name: string; resolve: (event: Event) => void }[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const event: Event = JSON.parse(line);
    seen.push(event);
    for (const waiter of waiting) if (waiter.name === event.event) waiter.resolve(event);
  });
  const ended = once(child, "exit").then(() => {
    throw new Error(`up ended: ${JSON.stringify(seen.slice(-3))}`);
  });
  ended.catch(() => undefined);
  return {
    child,
    seen,
    event(name) {
      const found = seen.find((event) => event.event === name);
      if (found !== undefined) return Promise.resolve(found);
      return Promise.race([new Promise<Event>((resolve) => waiting.push({ name, resolve })), ended]);
    },
  };
}

async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  child.kill("SIGINT");
  await once(child, "exit");
  return child.exitCode;
}

beforeAll(async () => {
  for (let count = 0; count < 3; count++) ports.push(await findFreePort());
});

afterAll(async () => {
  for (const child of running) await stop(child);
  rmSync(folder, { recursive: true, force: true });
});

it("builds the sample at the first start, gives a running job back at Ctrl-C, and ends it at the second start", {
  timeout: 120_000,
}, async () => {
  const first = startUp();
  await first.event("ready");
  expect(await first.event("sample_finished")).toMatchObject({ conclusion: "success" });

  const url = `http://127.0.0.1:${ports[0]}`;
  const token = readFileSync(join(data, "admin-token"), "utf8").trim();
  const api = createApiClient({ urls: [url], token });
  const mayEnd = join(folder, "may-end");
  await pushWaitingJob({ url, token, mayEnd });
  const listed = await api.call("listRuns", { query: { repository: "me/waiting" } });
  const params = { run_id: String(listed.answer.items[0]?.id) };
  const viewRun = async () => (await api.call("viewRun", { params, query: {} })).answer;
  await expect.poll(async () => (await viewRun()).jobs[0]?.state, { timeout: 20_000 }).toBe("running");
  expect(await stop(first.child)).toBe(0);

  const second = startUp();
  await second.event("ready");
  writeFileSync(mayEnd, "");
  await expect.poll(async () => (await viewRun()).conclusion, { timeout: 40_000 }).toBe("success");
  const jobId = (await viewRun()).jobs[0]?.id;
  const { answer: job } = await api.call("viewJob", { params: { job_id: String(jobId) } });
  expect(job.attempts.map((attempt) => attempt.reason)).toContain("agent_stopping");
  expect(second.seen.some((event) => event.event.startsWith("sample"))).toBe(false);
  expect(await stop(second.child)).toBe(0);
});

/** A repository whose one job ends only once the file `mayEnd` is there. */
async function pushWaitingJob(given: { url: string; token: string; mayEnd: string }): Promise<void> {
  const work = join(folder, "waiting");
  mkdirSync(join(work, ".windrow", "workflows"), { recursive: true });
  const run = `until [ -e ${given.mayEnd} ]; do sleep 0.1; done`;
  const workflow = { on: "push", jobs: { wait: { "runs-on": "linux", steps: [{ run }] } } };
  // JSON is YAML.
  writeFileSync(join(work, ".windrow", "workflows", "ci.yml"), JSON.stringify(workflow));
  const identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
  await runGit(["init", "--quiet", "--initial-branch=main"], { cwd: work });
  await runGit(["add", "--all"], { cwd: work });
  await runGit([...identity, "commit", "--quiet", "--message", "wait"], { cwd: work });
  const environment = pushEnvironment(given.url, given.token);
  await runGit(["push", "--quiet", `${given.url}/git/me/waiting.git`, "main"], { cwd: work, environment });
}

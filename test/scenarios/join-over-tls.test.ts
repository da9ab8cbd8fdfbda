import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { findFreePort } from "@windrow/embedded/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNamespaces, type Namespaces, whyNoNamespaces } from "../kit/namespaces.ts";
import { waitFor } from "../kit/wait-for.ts";

const reason = whyNoNamespaces();
const run = promisify(execFile);
const MAIN = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const START_MS_MAX = 120_000;

interface Ready {
  readonly event: string;
  readonly url: string;
  readonly git_url: string;
  readonly local_url: string;
  readonly ca_file: string;
  readonly token_file: string;
}

let dir: string;
let namespaces: Namespaces;
let ready: Ready;
let ports: { http: number; grpc: number; nats: number; tls: number };
const children: ChildProcess[] = [];

/** Node with the command line, in the namespace of the other machine or here. */
function start(where: "far" | "here", args: readonly string[]): ChildProcess {
  const words = [process.execPath, "--import", LOADER, MAIN, ...args];
  const namespace = ["ip", "netns", "exec", namespaces.agentNamespace("agent-1")];
  const [program = "", ...rest] = where === "far" ? [...namespace, ...words] : words;
  const env = { PATH: process.env.PATH, HOME: join(dir, where) };
  const child = spawn(program, rest, { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  return child;
}

async function runWindrow(where: "far" | "here", args: readonly string[]) {
  const child = start(where, args);
  const text = { out: "", err: "" };
  child.stdout?.on("data", (bytes) => (text.out += bytes));
  child.stderr?.on("data", (bytes) => (text.err += bytes));
  const [code] = await once(child, "close");
  return { code: Number(code), ...text };
}

function inFar(program: string, ...args: string[]) {
  const env = { PATH: process.env.PATH, HOME: join(dir, "far"), GIT_TERMINAL_PROMPT: "0" };
  return run("ip", ["netns", "exec", namespaces.agentNamespace("agent-1"), program, ...args], { cwd: dir, env });
}

const ASK =
  "fetch(process.argv[1]).then((r) => r.text()).then(console.log, (e) => { console.error(e.cause); process.exit(1); })";

/** What a server answers to the other machine, which trusts the authority of the file besides its own. */
async function askFromFar(url: string, caFile?: string): Promise<string> {
  const trust = caFile === undefined ? [] : [`NODE_EXTRA_CA_CERTS=${caFile}`];
  return (await inFar("env", ...trust, process.execPath, "-e", ASK, url)).stdout;
}

async function firstReady(up: ChildProcess): Promise<Ready> {
  const seen: string[] = [];
  for await (const line of createInterface({ input: up.stdout ?? process.stdin })) {
    seen.push(line);
    const event: Ready = JSON.parse(line);
    if (event.event !== "ready") continue;
    up.stdout?.resume();
    return event;
  }
  throw new Error(`up ended: ${seen.slice(-3).join("\n")}`);
}

beforeAll(async () => {
  if (reason !== undefined) return;
  dir = mkdtempSync(join(tmpdir(), "windrow-tls-"));
  chmodSync(dir, 0o711);
  for (const home of ["far", "here"]) mkdirSync(join(dir, home));
  namespaces = createNamespaces();
  const find = () => findFreePort();
  ports = { http: await find(), grpc: await find(), nats: await find(), tls: await find() };
  const flags = ["--port", ports.http, "--grpc-port", ports.grpc, "--nats-port", ports.nats, "--tls-port", ports.tls];
  const url = `https://${namespaces.hostAddress}:${ports.tls}`;
  const more = ["--listen", "0.0.0.0", "--public-url", url, "--agents", "1", "--slots", "1", "--no-sample", "--json"];
  ready = await firstReady(start("here", ["up", "--data", join(dir, "data"), ...flags.map(String), ...more]));
}, START_MS_MAX);

afterAll(async () => {
  if (reason !== undefined) return;
  for (const child of children.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGINT");
    await once(child, "exit");
  }
  namespaces.remove();
  rmSync(dir, { recursive: true, force: true });
}, START_MS_MAX);

const token = () => readFileSync(ready.token_file, "utf8").trim();

async function joinToken(): Promise<{ secret: string; err: string }> {
  const made = await runWindrow("here", ["token", "create", "--join", "--data", join(dir, "data")]);
  return { secret: made.out.trim(), err: made.err };
}

async function api<T>(path: string): Promise<T> {
  const response = await fetch(ready.local_url + path, { headers: { authorization: `Bearer ${token()}` } });
  return (await response.json()) as T;
}

test("a farm for other machines says its https address and what to trust", (context) => {
  context.skip(reason !== undefined, reason);
  const url = `https://${namespaces.hostAddress}:${ports.tls}`;
  expect(ready).toMatchObject({ url, git_url: `${url}/git`, local_url: `http://127.0.0.1:${ports.http}` });
});

test("from another machine nothing answers in the clear", async (context) => {
  context.skip(reason !== undefined, reason);
  const host = namespaces.hostAddress;
  await expect(askFromFar(`http://${host}:${ports.http}/healthz`)).rejects.toThrow("ECONNREFUSED");
  for (const port of [ports.grpc, ports.tls]) await expect(askFromFar(`http://${host}:${port}/`)).rejects.toThrow();
  expect(JSON.parse(await askFromFar(`${ready.url}/healthz`, ready.ca_file))).toEqual({ state: "ok" });
  await expect(askFromFar(`${ready.url}/healthz`)).rejects.toThrow(/certificate/);
});

test("a token of another farm is refused by the joining agent itself, and no use of it is spent", async (context) => {
  context.skip(reason !== undefined, reason);
  const { secret } = await joinToken();
  const wrong = `${secret.slice(0, 48)}${"A".repeat(43)}`;
  const agentDir = join(dir, "stranger");
  for (const [given, url, why] of [
    [wrong, ready.url, "is not the farm that the join token is from"],
    [secret, `http://${namespaces.hostAddress}:${ports.http}`, "is not encrypted, so the token was not sent"],
  ] as const) {
    const ended = await runWindrow("far", ["agent", "join", url, "--token", given, "--dir", agentDir]);
    expect([ended.code, ended.err]).toEqual([3, expect.stringContaining(why)]);
  }
  const { items } = await api<{ items: { uses_count: number; name: string }[] }>("/api/v1/tokens?kind=join");
  expect(items.filter((one) => one.name === "join").map((one) => one.uses_count)).toEqual([0]);
});

test("an agent on another machine pins the farm's authority, joins, and builds what is pushed there over https", async (context) => {
  context.skip(reason !== undefined, reason);
  const { secret, err } = await joinToken();
  expect(err).toContain(`windrow agent join ${ready.url} --token ${secret}`);
  const agentDir = join(dir, "agent");
  start("far", ["agent", "join", ready.url, "--token", secret, "--dir", agentDir, "--name", "far", "--labels", "far"]);
  const agentsNow = () => api<{ items: { name: string; state: string }[] }>("/api/v1/agents");
  await waitFor("the agent to join", async () => {
    const { items } = await agentsNow();
    return items.some((agent) => agent.name === "far" && agent.state === "ready") || undefined;
  });
  const stored: { authority: string } = JSON.parse(readFileSync(join(agentDir, "credential.json"), "utf8"));
  expect(stored.authority).toBe(readFileSync(ready.ca_file, "utf8"));
  for (const name of ["credential.json", "agent-key.pem"]) {
    expect(statSync(join(agentDir, name)).mode & 0o777).toBe(0o600);
  }
  await waitFor("its connection to NATS", async () => {
    const { stdout } = await inFar("ss", "-tn", "state", "established");
    return stdout.includes(`${namespaces.hostAddress}:${ports.nats}`) || undefined;
  });

  const work = join(dir, "far", "app");
  mkdirSync(join(work, ".windrow", "workflows"), { recursive: true });
  // JSON is YAML
  const steps = [{ uses: "actions/checkout@v4" }, { run: "test -f .windrow/workflows/ci.yml" }];
  const workflow = { on: "push", jobs: { build: { "runs-on": "far", steps } } };
  writeFileSync(join(work, ".windrow", "workflows", "ci.yml"), JSON.stringify(workflow));
  const git = (...args: string[]) => inFar("git", "-C", work, "-c", "user.name=t", "-c", "user.email=t@t", ...args);
  await git("init", "-q", "-b", "main");
  await git("add", "-A");
  await git("commit", "-qm", "first");
  const address = ready.git_url.replace("https://", `https://me:${token()}@`);
  await expect(git("push", "-q", `${address}/me/app.git`, "main")).rejects.toThrow(/certificate/);
  await git("-c", `http.sslCAInfo=${ready.ca_file}`, "push", "-q", "-o", "wait", `${address}/me/app.git`, "main");
  const { items } = await api<{ items: { conclusion: string }[] }>("/api/v1/runs?repository=me/app");
  expect(items.map((one) => one.conclusion)).toEqual(["success"]);

  writeFileSync(join(dir, "token"), token(), { mode: 0o600 });
  const list = ["run", "list", "-R", "me/app", "--url", ready.url, "--token-file", join(dir, "token")];
  expect(await runWindrow("far", [...list, "--ca", ready.ca_file])).toMatchObject({ code: 0 });
  expect((await runWindrow("far", list)).err).toMatch(/certificate/);
});

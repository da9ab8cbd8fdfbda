import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Agent, Run, RunSummary } from "@windrow/contract";
import { findFreePort } from "@windrow/embedded/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GitRepository } from "../kit/git-repository.ts";
import { createNamespaces, type Namespaces, whyNoNamespaces } from "../kit/namespaces.ts";
import { keepNodeParts, lendNodeParts } from "../kit/node-parts.ts";
import { waitFor } from "../kit/wait-for.ts";

const reason = whyNoNamespaces();
const MAIN = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const START_MS_MAX = 120_000;
const BARE = "/usr/bin:/bin";
interface Ready {
  readonly event: string;
  readonly url: string;
  readonly local_url: string;
  readonly token_file: string;
}

let dir: string;
let namespaces: Namespaces;
let ready: Ready;
const children: ChildProcess[] = [];

function follow(child: ChildProcess) {
  const text = { out: "", err: "" };
  child.stdout?.on("data", (bytes) => (text.out += bytes));
  child.stderr?.on("data", (bytes) => (text.err += bytes));
  children.push(child);
  return { child, text };
}

function windrow(args: readonly string[]) {
  const env = { PATH: process.env.PATH, HOME: join(dir, "here") };
  const stdio = ["ignore", "pipe", "pipe"] as const;
  return follow(spawn(process.execPath, ["--import", LOADER, MAIN, ...args], { cwd: dir, env, stdio: [...stdio] }));
}

/** A shell line on the other machine, with an empty home. */
function startFar(line: string, path: string) {
  const words = ["netns", "exec", namespaces.agentNamespace("agent-1"), "env", "-i"];
  const env = [`PATH=${path}`, `HOME=${join(dir, "far")}`];
  return follow(spawn("ip", [...words, ...env, "sh", "-c", line], { cwd: join(dir, "far"), detached: true }));
}

async function runFar(line: string, path = BARE) {
  const { child, text } = startFar(line, path);
  const [code] = await once(child, "close");
  return { code: Number(code), ...text };
}

/** The programs of this machine but one. */
function makeToolFolder(name: string, without: string): void {
  mkdirSync(join(dir, name));
  for (const tool of readdirSync("/usr/bin"))
    if (tool !== without) symlinkSync(`/usr/bin/${tool}`, join(dir, name, tool));
}

/** What `token create` prints for a machine elsewhere: the token, and the line. */
async function makeLine(): Promise<{ line: string; token: string }> {
  const { child, text } = windrow(["token", "create", "--join", "--data", join(dir, "data")]);
  await once(child, "close");
  const line = text.err.split("\n").find((one) => one.includes("install.sh"));
  if (line === undefined) throw new Error(`no line: ${text.err}`);
  return { line: line.trim(), token: text.out.trim() };
}

async function api<T>(path: string): Promise<T> {
  const token = readFileSync(ready.token_file, "utf8").trim();
  const response = await fetch(ready.local_url + path, { headers: { authorization: `Bearer ${token}` } });
  return (await response.json()) as T;
}

const untilReady = (name: string) =>
  waitFor(
    `agent ${name}`,
    async () => {
      const { items } = await api<{ items: Agent[] }>("/api/v1/agents");
      return items.find((agent) => agent.name === name && agent.state === "ready");
    },
    { withinMs: 60_000, everyMs: 100 },
  );

beforeAll(async () => {
  if (reason !== undefined) return;
  dir = mkdtempSync(join(tmpdir(), "windrow-install-"));
  chmodSync(dir, 0o711);
  for (const home of ["far", "here"]) mkdirSync(join(dir, home));
  makeToolFolder("no-curl", "curl");
  namespaces = createNamespaces();
  const ports: string[] = [];
  for (const flag of ["--port", "--grpc-port", "--nats-port", "--tls-port"])
    ports.push(flag, String(await findFreePort()));
  const url = `https://${namespaces.hostAddress}:${ports.at(-1)}`;
  const more = ["--listen", "0.0.0.0", "--public-url", url, "--agents", "0", "--no-sample", "--json"];
  const up = windrow(["up", "--data", join(dir, "data"), ...ports, ...more]);
  for await (const line of createInterface({ input: up.child.stdout ?? process.stdin })) {
    const event: Ready = JSON.parse(line);
    if (event.event !== "ready") continue;
    ready = event;
    break;
  }
  up.child.stdout?.resume();
  lendNodeParts(join(dir, "data", "install"));
}, START_MS_MAX);

afterAll(async () => {
  if (reason !== undefined) return;
  keepNodeParts(join(dir, "data", "install"));
  for (const child of children.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  namespaces.remove();
  rmSync(dir, { recursive: true, force: true });
}, START_MS_MAX);

test("one line makes a bare machine an agent over TLS, which builds; a second run changes nothing; taken away, nothing is left", async (context) => {
  context.skip(reason !== undefined, reason);
  const { line, token } = await makeLine();
  expect(line).toMatch(
    /^rm -f windrow-install\.sh && \(set -C; curl -fsSk https:\S+\/install\.sh > windrow-install\.sh\) && echo ".{64} {2}windrow-install\.sh" \| /,
  );
  const place = join(dir, "far", "agent");
  const options = `--dir ${place} --name far --labels far`;
  const { child, text } = startFar(`${line} ${options}`, BARE);
  const agent = await untilReady("far").catch((error: unknown) => {
    throw new Error(`${text.err}${text.out}`, { cause: error });
  });
  expect(agent).toMatchObject({ is_upgradable: true, is_outdated: false, version: agent.target_version });

  const repository = await GitRepository.create();
  const steps = [{ uses: "actions/checkout@v4" }, { run: "test -f README", id: "look" }];
  const hash = { if: "hashFiles('README') == ''", run: "exit 1" };
  const workflow = { on: "push", jobs: { build: { "runs-on": "far", steps: [...steps, hash] } } };
  await repository.commit({ ".windrow/workflows/ci.yml": JSON.stringify(workflow), README: "x" }, "first");
  const admin = readFileSync(ready.token_file, "utf8").trim();
  await repository.push({ url: `${ready.local_url}/git/me/app.git`, token: admin });
  const run = await waitFor("the run", async () => {
    const { items } = await api<{ items: RunSummary[] }>("/api/v1/runs?repository=me/app");
    return items.find((one) => one.state === "finished");
  });
  expect((await api<Run>(`/api/v1/runs/${run.id}`)).conclusion).toBe("success");

  const pid = readFileSync(join(place, "state", "agent.pid"), "utf8").split(" ")[0] ?? "";
  const residentKib = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  process.stdout.write(`a bundled agent after its first job: ${Math.round(residentKib / 1_024)} MB resident\n`);

  const again = await runFar(`sh windrow-install.sh ${options} --no-start`);
  expect(again).toMatchObject({ code: 0, err: expect.stringContaining("is there already") });
  expect(await runFar(`sh windrow-install.sh --uninstall --dir ${place}`)).toMatchObject({
    code: 1,
    err: expect.stringContaining("the agent runs"),
  });
  process.kill(Number(pid), "SIGTERM");
  await once(child, "exit");
  expect(await runFar(`sh windrow-install.sh --uninstall --dir ${place}`)).toMatchObject({ code: 0 });
  expect(existsSync(place)).toBe(false);
  expect(token).toMatch(/^wrj_/);
}, 180_000);

test("what is not the farm's own script never runs, and what fails leaves nothing behind", async (context) => {
  context.skip(reason !== undefined, reason);
  const { line, token } = await makeLine();
  const place = join(dir, "far", "nobody");
  const other = line.replace(/echo "../, 'echo "00');
  const refused = await runFar(`${other} --dir ${place}`);
  expect(refused.code).not.toBe(0);
  expect(refused.out + refused.err).toContain("FAILED");
  const wrong = `${token.slice(0, 20)}AAAA${token.slice(24)}`;
  for (const [words, why] of [
    [`--token ${wrong}`, "could not join the farm"],
    ["", "no join token is given"],
    [`--token ${token} --slots many`, "--slots takes a number"],
    [`--token wru_x`, "that is not a join token"],
    [`--token ${token} --nonsense`, "what is '--nonsense'?"],
  ] as const) {
    const failed = await runFar(`sh windrow-install.sh --dir ${place} ${words}`);
    expect([failed.code, failed.err]).toEqual([1, expect.stringContaining(why)]);
    expect(existsSync(place)).toBe(false);
  }
  // another farm's archive, or one that was changed on its way
  const changed = await runFar(
    `sed 's/^SHA256_linux_\\(.*\\)=../SHA256_linux_\\1=00/' windrow-install.sh > x.sh && sh x.sh --token ${token} --dir ${place}`,
  );
  expect(changed).toMatchObject({
    code: 1,
    err: expect.stringContaining("is not the agent that this script was made for"),
  });
  const untrusted = await runFar(
    `sed "s/^CA_PEM='-.*/CA_PEM='-----BEGIN CERTIFICATE-----/; s/^MII.*/MIIx/" windrow-install.sh > y.sh && sh y.sh --token ${token} --dir ${place}`,
  );
  expect(untrusted).toMatchObject({ code: 1, err: expect.stringContaining("the agent could not be fetched") });
  expect(existsSync(place)).toBe(false);
  expect(readdirSync(join(dir, "far")).sort()).toEqual(["windrow-install.sh", "x.sh", "y.sh"]);
}, 120_000);

test("wget does as well as curl, the token may come from the environment, and nobody needs to be root", async (context) => {
  context.skip(reason !== undefined, reason);
  const { token } = await makeLine();
  const home = join(dir, "far", "home");
  const [uid, gid] = [65_534, 65_534];
  mkdirSync(home);
  chownSync(home, uid, gid);
  const become = `setpriv --reuid ${uid} --regid ${gid} --clear-groups env HOME=${home} WINDROW_JOIN_TOKEN=${token}`;
  const done = await runFar(`${become} sh windrow-install.sh --name by-wget --no-start`, join(dir, "no-curl"));
  const place = join(home, ".local", "share", "windrow-agent");
  expect(done).toMatchObject({ code: 0, err: expect.stringContaining(`start it with: ${place}/windrow-agent run`) });
  expect(statSync(join(place, "state", "credential.json"))).toMatchObject({ uid, mode: 0o100600 });
  expect(readFileSync(join(place, "agent.env"), "utf8")).toContain(`WINDROW_AGENT_NAME=by-wget\n`);
}, 60_000);

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Install } from "@windrow/contract";
import { createLogger, systemClock } from "@windrow/service";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { keepNodeParts, lendNodeParts } from "../../../test/kit/node-parts.ts";
import { createAgentBundles } from "../src/install/agent-bundles.ts";
import { buildAgentBundles } from "../src/install/build-agent-bundle.ts";
import { makeInstallScript } from "../src/install/install-script.ts";
import { type Edge, startEdge } from "./edge-kit.ts";

let edge: Edge;
let install: Install;
const AUTHORITY = "-----BEGIN CERTIFICATE-----\nit's not one\n-----END CERTIFICATE-----\n";

beforeAll(async () => {
  edge = await startEdge();
  lendNodeParts(join(edge.dataDir, "install"));
  install = await edge.json<Install>("GET", "/api/v1/install", { token: await edge.makeToken({ role: "reader" }) });
  keepNodeParts(join(edge.dataDir, "install"));
}, 60_000);
afterAll(() => edge.stop());

const archivePath = () => `/install/agent-linux-x64-${install.version}.tar.gz`;
const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  fetch(`${edge.url}${path}`, { method, headers });
const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

test("the script is had without a token, is the one whose checksum the API says, and is good for a POSIX shell", async () => {
  const answer = await get("/install.sh");
  expect(answer.status).toBe(200);
  const text = await answer.text();
  expect(sha256(text)).toBe(install.script_sha256);
  expect(text).not.toMatch(/@[A-Z0-9_]+@/);
  expect(install).toMatchObject({ script_url: `${edge.url}/install.sh`, is_pinned: true });
  for (const shell of ["sh", "dash", "bash"]) {
    const checked = spawnSync(shell, ["-n"], { input: text, encoding: "utf8" });
    if (checked.error === undefined) expect(checked).toMatchObject({ status: 0, stderr: "" });
  }
  const again = await get("/install.sh", { "if-none-match": answer.headers.get("etag") ?? "" });
  expect(again.status).toBe(304);
});

test("the bundle is had without a token, whole, in parts, and not at all when it is known", async () => {
  const whole = await get(archivePath());
  const bytes = Buffer.from(await whole.arrayBuffer());
  const etag = whole.headers.get("etag") ?? "";
  expect(etag).toBe(`"${sha256(bytes)}"`);
  expect(await (await get("/install.sh")).text()).toContain(`SHA256_linux_x64=${sha256(bytes)}`);
  const head = await get(archivePath(), {}, "HEAD");
  expect(head.headers.get("content-length")).toBe(String(bytes.length));
  const part = await get(archivePath(), { range: "bytes=1000000-1000009" });
  expect(part.status).toBe(206);
  expect(part.headers.get("content-range")).toBe(`bytes 1000000-1000009/${bytes.length}`);
  expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(1_000_000, 1_000_010));
  const rest = await get(archivePath(), { range: `bytes=${bytes.length - 5}-`, "if-range": etag });
  expect(Buffer.from(await rest.arrayBuffer())).toEqual(bytes.subarray(-5));
  expect((await get(archivePath(), { range: `bytes=${bytes.length}-` })).status).toBe(416);
  expect((await get(archivePath(), { range: "bytes=0-4", "if-range": '"other"' }, "HEAD")).status).toBe(200);
  expect((await get(archivePath(), { "if-none-match": etag })).status).toBe(304);
});

test.each([
  "/install/agent-linux-x64-9.9.9+00000000.tar.gz",
  "/install/agent-plan9-x64-0.0.1+00000000.tar.gz",
  "/install/..%2f..%2fadmin-token",
  "/install/agent-linux-x64-..%2f..%2f.tar.gz",
])("there is nothing at %s", async (path) => {
  expect((await get(path)).status).toBe(404);
});

test("two controllers on one data folder hand out the same bytes, built once, and again when they were removed", async () => {
  const dir = join(edge.dataDir, "install");
  const [archive = ""] = (await readdir(dir)).filter((name) => name.endsWith(".tar.gz"));
  const bytes = await readFile(join(dir, archive));
  await rm(join(dir, archive));
  const others = [await startEdge({ sharedWith: edge }), await startEdge({ sharedWith: edge })];
  try {
    const token = await edge.makeToken({ role: "reader" });
    const asked = others.map((other) => other.json<Install>("GET", "/api/v1/install", { token }));
    expect((await Promise.all(asked)).map(({ version }) => version)).toEqual([install.version, install.version]);
    expect((await readdir(dir)).filter((name) => name.endsWith(".tar.gz"))).toEqual([archive]);
    expect((await readFile(join(dir, archive))).equals(bytes)).toBe(true);
    expect((await readdir(dir)).filter((name) => name.startsWith("."))).toEqual([]);
  } finally {
    for (const other of others) await other.stop();
  }
}, 60_000);

test("what a killed builder left behind, and a Node that is not used any more, is removed", async () => {
  const dir = join(edge.dataDir, "install");
  const longAgo = new Date(Date.now() - 3_600_000);
  for (const name of [".draft-old", ".node-7-linux-x64", "node-linux-x64-1.0.0.gz", ".draft-new"]) {
    await writeFile(join(dir, name), "x");
    if (name !== ".draft-new") await utimes(join(dir, name), longAgo, longAgo);
  }
  const before = (await readdir(dir)).filter((name) => !name.includes("old") && !name.includes("1.0.0"));
  await buildAgentBundles({ dir, packageVersion: "0.0.1" });
  expect((await readdir(dir)).sort()).toEqual(before.filter((name) => !name.startsWith(".node")).sort());
  await rm(join(dir, ".draft-new"));
});

test("a bundle that went away under a controller that runs is built again, once for all who ask, and not all the time", async () => {
  const dir = await mkdtemp(join(tmpdir(), "windrow-gone-"));
  lendNodeParts(dir);
  let aheadMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
  const logger = createLogger({ component: "test", level: "silent" });
  const bundles = createAgentBundles({ dir, packageVersion: "0.0.1", clock, logger });
  const archives = async () => (await readdir(dir)).filter((name) => name.endsWith(".tar.gz"));
  try {
    const { version } = await bundles.current();
    for (const name of await archives()) await rm(join(dir, name));
    await bundles.current();
    expect(await archives()).toEqual([]);
    aheadMs = 60_000;
    const asked = await Promise.all([bundles.current(), bundles.current(), bundles.current()]);
    expect(new Set(asked).size).toBe(1);
    expect(asked[0]?.version).toBe(version);
    expect(await archives()).toHaveLength(1);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}, 60_000);

test("the script of a farm with an authority of its own holds that as it is, and no value ends a quotation", async () => {
  const current = { version: "0.0.1+00000000", bundles: [] };
  const text = await makeInstallScript({ farmUrl: "https://fa'rm:7443", authority: AUTHORITY, current });
  const lines = text.replace(
    /\nmain "\$@"\n$/,
    '\nprintf "%s|" "$FARM_URL" "$CA_PEM" "$SHA256_linux_x64" "$VERSION"\n',
  );
  const { stdout } = spawnSync("sh", { input: lines, encoding: "utf8" });
  expect(stdout).toBe(`https://fa'rm:7443|${AUTHORITY.trim()}||0.0.1+00000000|`);
});

describe("a folder of somebody else", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "windrow-folders-"));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  async function runScript(...args: string[]) {
    const input = await (await get("/install.sh")).text();
    // a farm that nobody reaches: what is not refused before fails at fetching
    const text = input.replace(/^FARM_URL=.*$/m, "FARM_URL='http://127.0.0.1:1'");
    const env = { PATH: "/usr/bin:/bin", HOME: dir };
    const { status, stderr } = spawnSync("sh", ["-s", "--", ...args], { input: text, encoding: "utf8", env });
    return { status, stderr };
  }

  async function put(path: string, text = "mine"): Promise<void> {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }

  test("is neither installed into nor taken away", async () => {
    await put("app/versions/mine/file");
    const install = await runScript("--dir", join(dir, "app"), "--token", "wrj_x");
    expect(install).toEqual({ status: 1, stderr: expect.stringContaining("versions holds something else") });
    await symlink("versions/mine", join(dir, "app", "current"));
    for (const args of [["--token", "wrj_x"], ["--uninstall"]]) {
      const ended = await runScript("--dir", join(dir, "app"), ...args);
      expect(ended.status).toBe(1);
      expect(await readFile(join(dir, "app/versions/mine/file"), "utf8")).toBe("mine");
    }
  });

  test("is not taken for an agent's keys and jobs, and stays when the agent goes", async () => {
    await put("docs/file");
    const docs = join(dir, "docs");
    const install = await runScript("--dir", join(dir, "new"), "--state", docs, "--token", "wrj_x");
    expect(install).toEqual({ status: 1, stderr: expect.stringContaining(`${docs} holds something else`) });
    await put("agent/versions/0.1.0+00000000/windrow-agent");
    await symlink("versions/0.1.0+00000000", join(dir, "agent", "current"));
    await put("agent/agent.env", `WINDROW_AGENT_DIR=${docs}\n`);
    expect(await runScript("--dir", join(dir, "agent"), "--uninstall")).toMatchObject({ status: 0 });
    expect(await readFile(join(docs, "file"), "utf8")).toBe("mine");
    expect(await readdir(dir)).toEqual(["docs"]);
  });

  test("that is made for a state stays away when installing fails", async () => {
    const ended = await runScript("--dir", join(dir, "new"), "--state", join(dir, "state"), "--token", "wrj_x");
    expect(ended).toEqual({ status: 1, stderr: expect.stringContaining("could not be fetched") });
    expect(await readdir(dir)).toEqual([]);
  });
});

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type AgentToolCache, createToolCache } from "./tool-cache.ts";

let root: string;
let dir: string;
let workRootDir: string;
let nowMs: number;
let cache: AgentToolCache;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "windrow-tools-"));
  dir = join(root, "tools");
  workRootDir = join(root, "work");
  for (const folder of [dir, workRootDir]) mkdirSync(folder);
  nowMs = Date.now();
  cache = createToolCache({ dir, workRootDir, bytesMax: 2_500, nowMs: () => nowMs });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const add = async (version: string, attempt?: string) => {
  nowMs += 1_000;
  const attemptDir = join(workRootDir, attempt ?? "");
  if (attempt !== undefined) mkdirSync(attemptDir, { recursive: true });
  const its = attempt === undefined ? cache : cache.forAttempt(attemptDir);
  const folder = await its.add("node", version, async (draft) => writeFileSync(join(draft, "node"), "x".repeat(1_000)));
  its.noteUse(join(folder, "node"));
  return folder;
};
const versions = () => cache.list("node").map((tool) => tool.version);

it("drops what was used longest ago when there is too much, but nothing that an attempt uses", async () => {
  await add("1.0.0", "a");
  const second = await add("2.0.0");
  await add("3.0.0");
  expect(versions()).toEqual(["1.0.0", "3.0.0"]);
  expect(existsSync(second)).toBe(false);
  rmSync(join(workRootDir, "a"), { recursive: true });
  await add("4.0.0");
  expect(versions()).toEqual(["3.0.0", "4.0.0"]);
});

it("keeps what an attempt only looked up, and drops all else when it is told to", async () => {
  const first = await add("1.0.0");
  await add("2.0.0");
  mkdirSync(join(workRootDir, "a"));
  cache.forAttempt(join(workRootDir, "a")).noteUse(join(first, "bin"));
  expect(await cache.bytes()).toBe(2_000);
  expect(await cache.drop(0)).toEqual({ droppedCount: 1, bytes: 1_000 });
  expect(versions()).toEqual(["1.0.0"]);
  expect(await cache.drop(0)).toEqual({ droppedCount: 0, bytes: 0 });
});

it("drops for several that are added at once, and takes again what is being dropped", async () => {
  for (const version of ["1.0.0", "2.0.0"]) await add(version);
  const folders = await Promise.all(["3.0.0", "4.0.0", "5.0.0", "1.0.0"].map((version) => add(version, "a")));
  for (const folder of folders) expect(existsSync(join(folder, "node"))).toBe(true);
  expect(readdirSync(dir)).toEqual(["node"]);
});

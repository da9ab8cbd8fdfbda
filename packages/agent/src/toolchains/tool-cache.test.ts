import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createToolCache, TOOL_USE_MS, type ToolCache } from "./tool-cache.ts";

let dir: string;
let nowMs: number;
let cache: ToolCache;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "windrow-tools-"));
  nowMs = Date.now();
  cache = createToolCache({ dir, bytesMax: 2_500, nowMs: () => nowMs });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const add = async (version: string) => {
  const folder = await cache.add("node", version, async (draft) =>
    writeFileSync(join(draft, "node"), "x".repeat(1_000)),
  );
  cache.noteUse(join(folder, "node"));
  return folder;
};

it("drops what was used longest ago when there is too much, but nothing that was used within a day", async () => {
  await add("1.0.0");
  nowMs += 1_000;
  const second = await add("2.0.0");
  nowMs += 1_000;
  await add("3.0.0");
  expect(readdirSync(join(dir, "node")).sort()).toEqual(["1.0.0", "2.0.0", "3.0.0"]);
  nowMs += TOOL_USE_MS;
  cache.noteUse(join(second, "node"));
  await add("4.0.0");
  expect(cache.list("node").map((tool) => tool.version)).toEqual(["2.0.0", "4.0.0"]);
  expect(existsSync(second)).toBe(true);
});

it("drops for several that are added at once, and takes again what is being dropped", async () => {
  for (const version of ["1.0.0", "2.0.0"]) await add(version);
  nowMs += TOOL_USE_MS;
  const folders = await Promise.all(["3.0.0", "4.0.0", "5.0.0", "1.0.0"].map(add));
  for (const folder of folders) expect(existsSync(join(folder, "node"))).toBe(true);
  expect(readdirSync(dir)).toEqual(["node"]);
});

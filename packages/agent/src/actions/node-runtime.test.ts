import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNodeRuntime } from "./node-runtime.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "windrow-runtime-"));
  chmodSync(dir, 0o711);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const runtime = (nodePath: string) =>
  createNodeRuntime({
    runtimesDir: join(dir, "runtimes"),
    nodePath,
    nodeVersion: process.version,
    machineEnv: { PATH: "/usr/bin:/bin" },
  });

describe("the runtime of JavaScript actions", () => {
  it.each(["node20", "node24"])("serves %s with the agent's own Node", async (using) => {
    expect(await runtime(process.execPath)(using, undefined)).toEqual({ kind: "found", path: process.execPath });
  });

  it("warns of a retired one and refuses what is none", async () => {
    expect(await runtime(process.execPath)("node16", undefined)).toMatchObject({
      kind: "found",
      warning: expect.stringMatching(/out of support/),
    });
    expect(await runtime(process.execPath)("node18", undefined)).toMatchObject({ kind: "problem" });
  });

  it.runIf(process.getuid?.() === 0)("stands beside where a job's user cannot reach the agent's own", async () => {
    const hidden = join(dir, "hidden");
    mkdirSync(hidden, { mode: 0o700 });
    copyFileSync(process.execPath, join(hidden, "node"));
    const nobody = { name: "nobody", uid: 65_534, gid: 65_534 };
    const found = await runtime(join(hidden, "node"))("node24", nobody);
    if (found.kind !== "found") throw new Error(found.why);
    expect(found.path).toBe(join(dir, "runtimes", `node-${process.version}`));
    const printed = execFileSync(found.path, ["--version"], { uid: nobody.uid, gid: nobody.gid, encoding: "utf8" });
    expect(printed.trim()).toBe(process.version);
  });
});

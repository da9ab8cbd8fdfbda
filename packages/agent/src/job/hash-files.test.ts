import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hashFiles } from "./hash-files.ts";

let root: string;
let workspace: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "windrow-hash-"));
  workspace = join(root, "attempt", "job", "workspace");
  mkdirSync(join(workspace, "sub"), { recursive: true });
  writeFileSync(join(workspace, "package-lock.json"), "{}");
  writeFileSync(join(workspace, "sub", "package-lock.json"), "[]");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("hashFiles", () => {
  it("changes with the files that match, and only with them", () => {
    const before = hashFiles(workspace, ["**/package-lock.json"]);
    expect(before).toMatch(/^[0-9a-f]{64}$/);
    writeFileSync(join(workspace, "other"), "x");
    expect(hashFiles(workspace, ["**/package-lock.json"])).toBe(before);
    expect(hashFiles(workspace, [`${workspace}/**/package-lock.json`])).toBe(before);
    expect(hashFiles(workspace, ["**/package-lock.json", "!sub/**"])).not.toBe(before);
    writeFileSync(join(workspace, "sub", "package-lock.json"), "[1]");
    expect(hashFiles(workspace, ["**/package-lock.json"])).not.toBe(before);
    expect(hashFiles(workspace, ["nothing*"])).toBe("");
  });

  it("follows no link, neither of the file, nor above it, nor in the workspace's own place", () => {
    mkdirSync(join(root, "outside"));
    writeFileSync(join(root, "outside", "secret"), "hush");
    symlinkSync(join(root, "outside", "secret"), join(workspace, "file"));
    symlinkSync(join(root, "outside"), join(workspace, "folder"));
    expect(hashFiles(workspace, ["file", "folder/secret", "**/secret"])).toBe("");
    rmSync(workspace, { recursive: true });
    symlinkSync(join(root, "outside"), workspace);
    expect(hashFiles(workspace, ["secret"])).toBe("");
  });

  it("refuses what would hold up the agent", () => {
    writeFileSync(join(workspace, "large"), "");
    truncateSync(join(workspace, "large"), 1024 ** 4);
    expect(() => hashFiles(workspace, ["large"])).toThrow(/more than \d+ bytes/);
  });
});

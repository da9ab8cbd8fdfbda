import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { hashFiles as hashByToolkit } from "@actions/glob";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hashFiles } from "./hash-files.ts";

let root: string;
let workspaceDir: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "windrow-hash-"));
  chmodSync(root, 0o755);
  workspaceDir = join(root, "job", "workspace");
  mkdirSync(workspaceDir, { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(workspaceDir, path)), { recursive: true });
  writeFileSync(join(workspaceDir, path), text);
}
const hash = (...patterns: string[]): string => hashFiles({ workspaceDir, patterns });

describe("hashFiles", () => {
  it.each([
    [["**/package-lock.json"]],
    [["**/*.lock", "!sub/**"]],
    [["*.json"]],
    [["sub/"]],
    [["sub"]],
    [["**"]],
    [["./*.json"]],
    [["**/[ab].txt", "!./sub/b.txt"]],
    [["sub/**/c?.md"]],
    [["# a remark", "*.json", "", "  sub/*  "]],
    [["nothing*"]],
    [["{a,b}.txt"]],
    [[".hidden/**"]],
    [["link.txt"]],
    [["folder-link/**"]],
  ])("of %j is what the toolkit's own says", async (patterns) => {
    for (const [index, path] of [
      "package-lock.json",
      "a.txt",
      "yarn.lock",
      "sub/package-lock.json",
      "sub/b.txt",
      "sub/x.lock",
      "sub/deep/c1.md",
      "sub/deep/c22.md",
      ".hidden/file",
      "Größe.txt",
    ].entries()) {
      write(path, String(index));
    }
    symlinkSync("a.txt", join(workspaceDir, "link.txt"));
    symlinkSync("sub", join(workspaceDir, "folder-link"));
    // it takes relative patterns from the folder of its process
    const before = process.cwd;
    process.cwd = () => workspaceDir;
    try {
      const expected = await hashByToolkit(patterns.join("\n"), workspaceDir, { followSymbolicLinks: false });
      expect(hash(...patterns)).toBe(expected);
    } finally {
      process.cwd = before;
    }
  });

  it("takes patterns with the workspace's path", () => {
    write("a.txt", "a");
    expect(hash(`${workspaceDir}/*.txt`)).toBe(hash("*.txt"));
  });

  it.runIf(process.getuid?.() === 0)("reads nothing that the job's user may not read, wherever links lead", () => {
    const user = { name: "nobody", uid: 65_534, gid: 65_534 };
    writeFileSync(join(root, "secret"), "hush", { mode: 0o600 });
    symlinkSync(join(root, "secret"), join(workspaceDir, "link"));
    write("open", "open");
    expect(() => hashFiles({ workspaceDir, patterns: ["link"], user })).toThrow(/EACCES/);
    expect(hashFiles({ workspaceDir, patterns: ["open"], user })).toMatch(/^[0-9a-f]{64}$/);
    expect(hashFiles({ workspaceDir, patterns: [`${root}/secret`], user })).toBe("");
  });

  it("passes over what is no plain file, without waiting at it", () => {
    write("a.txt", "a");
    const before = hash("*");
    execFileSync("mkfifo", [join(workspaceDir, "pipe")]);
    expect(hash("*")).toBe(before);
  });

  it("ends when it takes too long", () => {
    write("large", "");
    truncateSync(join(workspaceDir, "large"), 64 * 1024 ** 3);
    expect(() => hashFiles({ workspaceDir, patterns: ["large"], msMax: 1_000 })).toThrow(/took more than 1000 ms/);
  });
});

import { lstatSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { linkMemoryFolder, type MemoryPlaces, removeEmptyMemoryFolder } from "./memory-folder.ts";

const isRoot = process.getuid?.() === 0;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync("/dev/shm/windrow-memory-test-");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

// An agent that is not root keeps everything on the disk.
describe.runIf(isRoot)("a folder held in memory", () => {
  const places = (mode: MemoryPlaces["mode"]): MemoryPlaces => ({ parents: [join(dir, "parent")], mode });

  it("can be walked through by slot users under any umask where it is meant for them, else by nobody", () => {
    const before = process.umask(0o077);
    try {
      expect(linkMemoryFolder(join(dir, "a"), "key", places(0o711))).toBe(true);
      expect(statSync(join(dir, "parent")).mode & 0o777).toBe(0o711);
    } finally {
      process.umask(before);
    }
    expect(linkMemoryFolder(join(dir, "b"), "other", places(0o700))).toBe(false);
  });

  it("is made again behind a link of an earlier start, and removed when nothing is left in it", () => {
    const link = join(dir, "a");
    linkMemoryFolder(link, "key", places(0o711));
    const folder = readlinkSync(link);
    removeEmptyMemoryFolder(link);
    expect(lstatSync(folder, { throwIfNoEntry: false })).toBeUndefined();
    rmSync(join(dir, "parent"), { recursive: true });
    expect(linkMemoryFolder(link, "key", places(0o711))).toBe(true);
    expect(statSync(folder).isDirectory()).toBe(true);
    expect(statSync(join(dir, "parent")).mode & 0o777).toBe(0o711);
    mkdirSync(join(folder, "attempt"));
    removeEmptyMemoryFolder(link);
    expect(statSync(folder).isDirectory()).toBe(true);
  });

  it("is not made in a folder that somebody else may write to", () => {
    mkdirSync(join(dir, "parent"), { mode: 0o777 });
    expect(linkMemoryFolder(join(dir, "a"), "key", places(0o711))).toBe(false);
  });
});

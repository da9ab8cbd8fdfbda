import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openInside } from "./open-inside.ts";

let dir: string;
let root: string;
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "windrow-inside-")));
  root = join(dir, "root");
  mkdirSync(root);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it("opens plain files that stand inside, through links if that is asked for", () => {
  writeFileSync(join(root, "plain"), "words");
  symlinkSync("plain", join(root, "link"));
  for (const [name, followsLast] of [
    ["plain", false],
    ["link", true],
  ] as const) {
    const opened = openInside(join(root, name), [root], { followsLast });
    if (opened.kind !== "open") throw new Error(opened.kind);
    expect(readFileSync(opened.file, "utf8")).toBe("words");
    closeSync(opened.file);
  }
  expect(openInside(join(root, "link"), [root], { followsLast: false })).toEqual({ kind: "link" });
});

it("opens nothing that stands elsewhere or is special: who waits at a pipe goes on waiting", async () => {
  execFileSync("mkfifo", [join(dir, "pipe"), join(root, "pipe")]);
  symlinkSync(dir, join(root, "way"));
  symlinkSync("/dev/zero", join(root, "device"));
  for (const [path, kind] of [
    ["way/pipe", "outside"],
    ["pipe", "special"],
  ] as const) {
    const writer = spawn("/bin/sh", ["-c", 'echo begun; echo words > "$1"; echo written', "sh", join(root, path)]);
    const ended = once(writer, "close");
    let said = "";
    writer.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    await once(writer.stdout, "data");
    for (let look = 0; look < 200; look++)
      expect(openInside(join(root, path), [root], { followsLast: true })).toEqual({ kind });
    expect(execFileSync("cat", [join(root, path)], { encoding: "utf8" })).toBe("words\n");
    await ended;
    expect(said).toBe("begun\nwritten\n");
  }
  expect(openInside(join(root, "device"), [root], { followsLast: true })).toEqual({ kind: "outside" });
});

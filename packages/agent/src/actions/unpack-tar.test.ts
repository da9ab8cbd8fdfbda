import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TarError } from "./tar-entry.ts";
import { createTarUnpacker } from "./unpack-tar.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "windrow-tar-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Packs a folder with the machine's own tar. */
function pack(build: (source: string) => void, ...options: string[]): Buffer {
  const source = join(dir, "source");
  mkdirSync(source);
  build(source);
  return execFileSync("tar", ["-C", source, ...options, "-cf", "-", "."], { maxBuffer: 64 * 1024 * 1024 });
}

function unpack(tar: Buffer, pieceBytes = 700): string {
  const out = join(dir, "out");
  mkdirSync(out);
  const unpacker = createTarUnpacker(out);
  for (let at = 0; at < tar.length; at += pieceBytes) unpacker.push(tar.subarray(at, at + pieceBytes));
  unpacker.end();
  return out;
}

/** A header as no tar program would write it. */
function header(path: string, type: string, size = 0, target = ""): Buffer {
  const block = Buffer.alloc(512);
  block.write(path, 0);
  block.write("0000644\0", 100);
  block.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  block.write("        ", 148);
  block.write(type, 156);
  block.write(target, 157);
  block.write("ustar\0", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}
const end = Buffer.alloc(1_024);
function longName(name: string): Buffer[] {
  const record = `${9 + name.length} path=${name}\n`;
  return [header("pax", "x", record.length), Buffer.from(record.padEnd(512, "\0")), header("short", "0")];
}

it.each([1, 511, 512, 513, 100_000])("unpacks what tar packs, in pieces of %i bytes", (pieceBytes) => {
  const long = `${"deep/".repeat(40)}${"n".repeat(120)}.txt`;
  const tar = pack((source) => {
    mkdirSync(join(source, "deep/".repeat(40)), { recursive: true });
    writeFileSync(join(source, long), "long");
    writeFileSync(join(source, "empty"), "");
    writeFileSync(join(source, "run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(join(source, "größe.bin"), Buffer.alloc(1_500, 3));
    symlinkSync("run.sh", join(source, "link"));
  }, "--format=pax");
  const out = unpack(tar, pieceBytes);
  expect(readFileSync(join(out, long), "utf8")).toBe("long");
  expect(readFileSync(join(out, "empty"), "utf8")).toBe("");
  expect(readFileSync(join(out, "größe.bin"))).toEqual(Buffer.alloc(1_500, 3));
  expect(readFileSync(join(out, "link"), "utf8")).toBe("#!/bin/sh\n");
  expect(lstatSync(join(out, "run.sh")).mode & 0o777).toBe(0o755);
  expect(lstatSync(join(out, "empty")).mode & 0o777).toBe(0o644);
  expect(lstatSync(join(out, "deep")).mode & 0o777).toBe(0o755);
});

it("leaves out links that lead out, and devices", () => {
  const tar = Buffer.concat([
    header("up", "2", 0, "../../etc/passwd"),
    header("root", "2", 0, "/etc/passwd"),
    header("sub/in", "2", 0, "../kept"),
    header("pipe", "6"),
    header("hard", "1", 0, "/etc/passwd"),
    header("kept", "0", 2),
    Buffer.from("ok".padEnd(512, "\0")),
    end,
  ]);
  const out = unpack(tar);
  for (const name of ["up", "root", "pipe", "hard"]) expect(existsSync(join(out, name))).toBe(false);
  expect(readFileSync(join(out, "sub/in"), "utf8")).toBe("ok");
});

it.each([
  ["a path above the tree", [header("../evil", "0"), end]],
  ["an absolute path", [header("/tmp/evil", "0"), end]],
  ["a file behind a link", [header("a", "2", 0, "b"), header("a/c", "0"), end]],
  ["the same file twice", [header("a", "0"), header("a", "0"), end]],
  ["a file that is a folder, too", [header("a", "0"), header("a/b", "0"), end]],
  ["a file in place of the tree", [header(".", "0"), end]],
  ["a name that no file can have", [...longName("n".repeat(300)), end]],
  ["a damaged header", [Buffer.alloc(512, 65), end]],
  ["no end", [header("a", "0", 600), Buffer.alloc(512)]],
])("refuses %s", (_what, blocks) => {
  expect(() => unpack(Buffer.concat(blocks))).toThrow(TarError);
  expect(existsSync(join(dir, "evil"))).toBe(false);
});

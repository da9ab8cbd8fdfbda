import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TarError } from "./tar-entry.ts";
import { createTarUnpacker, TREE_ENTRIES_MAX } from "./unpack-tar.ts";

let dir: string;
let tree: string;
let outside: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "windrow-hostile-"));
  tree = join(dir, "a/b/tree");
  outside = join(dir, "a/b/outside");
  mkdirSync(tree, { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, "secret"), "untouched", { mode: 0o600 });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** One entry as no tar program would write it; `size` as it stands in the header. */
function entry(
  path: string,
  type: string,
  more: { size?: string; target?: string; mode?: string; body?: string } = {},
): Buffer {
  const body = Buffer.from(more.body ?? "");
  const block = Buffer.alloc(512);
  block.write(path, 0);
  block.write(more.mode ?? "0000644\0", 100);
  block.write(more.size ?? `${body.length.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  block.write("        ", 148);
  block.write(type, 156);
  block.write(more.target ?? "", 157);
  block.write("ustar\0", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([block, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}
function pax(name: string, value: string): Buffer {
  const rest = ` ${name}=${value}\n`;
  const length = rest.length + 2;
  const record = `${length < 100 ? length : length + 1}${rest}`;
  return entry("pax", "x", { body: record });
}
const end = Buffer.alloc(1_024);
const file = (path: string, body = "x") => entry(path, "0", { body });
const link = (path: string, target: string) => entry(path, "2", { target });

/** Everything below `dir` but the tree: path, kind, mode, inode, links to it. */
function walkOutside(folder = dir): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const { ino, mode, nlink, size } = lstatSync(path);
    if (path === tree) return [];
    const self = `${path} ${ino} ${mode.toString(8)} ${lstatSync(path).isDirectory() ? "" : `${nlink} ${size}`}`;
    return [self, ...(lstatSync(path).isDirectory() ? walkOutside(path) : [])];
  });
}
/** Everything in the tree. */
function walkTree(folder = tree): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return [path, ...(lstatSync(path).isDirectory() ? walkTree(path) : [])];
  });
}

/** What the unpacker said; undefined when it took all of it. */
function unpack(...entries: Buffer[]): string | undefined {
  const unpacker = createTarUnpacker(tree);
  try {
    unpacker.push(Buffer.concat([...entries, end]));
    unpacker.end();
    return undefined;
  } catch (error) {
    if (!(error instanceof TarError)) throw error;
    return error.message;
  } finally {
    unpacker.abort();
  }
}

const depth = "../../../../../../../../../..";

describe("S10: a hostile archive leaves nothing outside of its tree", () => {
  it.each<[what: string, entries: Buffer[], refusal: RegExp | undefined]>([
    ["a file behind a link that leads out", [link("out", "../outside"), file("out/planted")], undefined],
    ["a file in place of a link that leads out", [link("f", "../outside/secret"), file("f")], undefined],
    ["a file behind a link that leads inside", [link("in", "real"), file("in/planted")], /'in'/],
    ["a file in place of a link that leads inside", [link("f", "later"), file("f")], /'f'.*EEXIST/],
    ["a hard link to a file outside", [entry("hard", "1", { target: "../outside/secret" }), file("hard")], undefined],
    ["a hard link by an absolute path", [entry("hard", "1", { target: "/etc/passwd" })], undefined],
    [
      "a chain of links, each of which stays inside by its words",
      [
        entry("d", "5"),
        link("d/up", ".."),
        link("d/upup", "up/.."),
        link("d/far", "upup/../outside/secret"),
        file("d/far/x"),
      ],
      /'d\/far'|outside/,
    ],
    ["a chain that climbs", [link("a", "."), link("b", "a/.."), file("b/planted")], /'b'/],
    ["a device", [entry("sda", "3"), entry("tty", "4")], undefined],
    ["a pipe", [entry("pipe", "6")], undefined],
    ["an absolute path", [file("/tmp/windrow-planted")], /'\/tmp\/windrow-planted'/],
    ["a path that climbs", [file(`${depth}/tmp/windrow-planted`)], /windrow-planted'/],
    ["a folder that climbs", [entry("x/../../outside/dir", "5")], /'x\/\.\.\/\.\.\/outside\/dir'/],
    ["a NUL in a pax path", [pax("path", "good\0../../outside/planted"), file("short")], /outside of itself/],
    ["a pax path that climbs", [pax("path", "../outside/planted"), file("short")], /'\.\.\/outside\/planted'/],
    ["a pax link path that leads out", [pax("linkpath", "../outside/secret"), link("l", "ok"), file("l")], undefined],
    ["a negative size in pax", [pax("size", "-1"), file("f")], /size/],
    ["a negative size in base 256", [entry("f", "0", { size: `${"\xff".repeat(11)}\x00` })], /octal|size/],
    ["a size beyond every disk", [entry("f", "0", { size: "77777777777\0" })], /not whole/],
    ["a size that is no number in pax", [pax("size", "1e99"), file("f")], /size/],
    ["the tree itself as a link", [link(".", "../outside"), file("planted")], undefined],
  ])("%s", (_what, entries, refusal) => {
    const before = walkOutside();
    const said = unpack(...entries);
    expect(walkOutside()).toEqual(before);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("untouched");
    for (const path of walkTree()) {
      const stats = lstatSync(path);
      expect(stats.isFile() || stats.isDirectory() || stats.isSymbolicLink(), path).toBe(true);
      // nothing in here is another name of a file elsewhere
      if (stats.isFile()) expect(stats.nlink, path).toBe(1);
    }
    if (refusal === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(refusal);
  });

  it("gives nobody the rights of another user", () => {
    expect(unpack(entry("suid", "0", { mode: "0006777\0" }), entry("dir", "5", { mode: "0007777\0" }))).toBeUndefined();
    expect(lstatSync(join(tree, "suid")).mode & 0o7777).toBe(0o755);
    expect(lstatSync(join(tree, "dir")).mode & 0o7777).toBe(0o755);
  });

  it("S11: stops at so many entries, however small they are", () => {
    const unpacker = createTarUnpacker(tree);
    const one = entry("d", "6");
    const many = Buffer.concat(Array.from({ length: 1_000 }, () => one));
    expect(() => {
      for (let count = 0; count <= TREE_ENTRIES_MAX; count += 1_000) unpacker.push(many);
      unpacker.push(many);
    }).toThrow(`more than ${TREE_ENTRIES_MAX} entries`);
    unpacker.abort();
    expect(gzipSync(many).length).toBeLessThan(10_000);
  });
});

import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, open, readdir, readlink, realpath } from "node:fs/promises";
import { join, posix, relative } from "node:path";
import { promisify } from "node:util";
import { isBelow } from "@windrow/model";
import { BackendFault } from "../backend-fault.ts";

export interface BuildContext {
  /** An archive; the caller removes it. */
  readonly file: string;
  /** Of all that the image is made from. */
  readonly digest: string;
  /** Where the Dockerfile stands in the archive. */
  readonly dockerfile: string;
}

const run = promisify(execFile);
const DOCKERFILE_BYTES_MAX = 1024 * 1024;
const BLOCK = 512;
const BYTES_MAX = 4 * 2 ** 30;
const ENTRIES_MAX = 500_000;
const LEFT_OUT = [".git"];
const O_NOFOLLOW_READ = constants.O_RDONLY | constants.O_NOFOLLOW;

/**
 * Packs a folder. Read once, into a file: what was looked at is what the engine gets, whoever changes the folder meanwhile.
 * Links go in as links, never what they lead to. Two folders with the same content are the same archive, whenever and by
 * whomever they were written. Throws `container_refused` for what is too large.
 */
export async function packContext(options: {
  readonly contextDir: string;
  readonly dockerfile: string;
  readonly tempDir: string;
}): Promise<BuildContext> {
  const { contextDir, dockerfile, tempDir } = options;
  const root = await realpath(contextDir);
  const path = await realpath(join(root, dockerfile)).catch(() => undefined);
  if (path === undefined || !isBelow(path, [root])) {
    throw new BackendFault("container_refused", `there is no ${dockerfile} in the action's own folder`);
  }
  const file = join(tempDir, `context-${randomUUID()}.tar`);
  const archive = await open(file, "wx", 0o600);
  const hash = createHash("sha256").update(`${relative(root, path)}\n`);
  const packer = new Packer(async (bytes) => {
    hash.update(bytes);
    await archive.appendFile(bytes);
  });
  try {
    await packer.folder(root, "");
    await packer.end();
  } finally {
    await archive.close();
  }
  return { file, digest: hash.digest("hex"), dockerfile: relative(root, path) };
}

/** The Dockerfile as it was packed: the folder may say something else by now. */
export async function readPackedDockerfile({ file, dockerfile }: BuildContext): Promise<string> {
  try {
    const { stdout } = await run("tar", ["-xOf", file, "--", dockerfile], { maxBuffer: DOCKERFILE_BYTES_MAX });
    if (stdout !== "") return stdout;
  } catch (error) {
    throw new BackendFault("container_refused", `${dockerfile} cannot be read`, { cause: error });
  }
  throw new BackendFault("container_refused", `${dockerfile} is empty, or not a plain file`);
}

class Packer {
  #write: (bytes: Buffer) => Promise<void>;
  #bytes = 0;
  #entries = 0;

  constructor(write: (bytes: Buffer) => Promise<void>) {
    this.#write = write;
  }

  async folder(path: string, name: string): Promise<void> {
    const names = (await readdir(path)).filter((one) => name !== "" || !LEFT_OUT.includes(one)).sort();
    for (const one of names) {
      if (++this.#entries > ENTRIES_MAX) throw tooLarge(`more than ${ENTRIES_MAX} files`);
      await this.#entry(join(path, one), posix.join(name, one));
    }
  }

  async end(): Promise<void> {
    await this.#write(Buffer.alloc(2 * BLOCK));
  }

  async #entry(path: string, name: string): Promise<void> {
    const found = await lstat(path);
    if (found.isSymbolicLink()) return this.#header({ name, type: "2", mode: 0o777, link: await readlink(path) });
    if (found.isDirectory()) {
      await this.#header({ name: `${name}/`, type: "5", mode: modeOf(found) });
      return this.folder(path, name);
    }
    // pipes, sockets and devices are nothing to build from
    if (!found.isFile()) return;
    // what became a link meanwhile is not followed
    const file = await open(path, O_NOFOLLOW_READ);
    try {
      await this.#file(file, name);
    } finally {
      await file.close();
    }
  }

  async #file(file: FileHandle, name: string): Promise<void> {
    const found = await file.stat();
    if (!found.isFile()) return;
    this.#bytes += found.size;
    if (this.#bytes > BYTES_MAX) throw tooLarge(`more than ${BYTES_MAX} bytes`);
    await this.#header({ name, type: "0", mode: modeOf(found), bytes: found.size });
    let left = found.size;
    const buffer = Buffer.alloc(1 << 16);
    while (left > 0) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, left));
      // shorter than it said a moment ago
      if (bytesRead === 0) throw new BackendFault("container_refused", `${name} changed while it was read`);
      left -= bytesRead;
      await this.#write(Buffer.from(buffer.subarray(0, bytesRead)));
    }
    await this.#pad(found.size);
  }

  async #header(entry: {
    name: string;
    type: "0" | "2" | "5";
    mode: number;
    bytes?: number;
    link?: string;
  }): Promise<void> {
    const { name, link = "" } = entry;
    const extended = [
      ...(Buffer.byteLength(name) > 99 || isOdd(name) ? [record("path", name)] : []),
      ...(Buffer.byteLength(link) > 99 || isOdd(link) ? [record("linkpath", link)] : []),
    ];
    if (extended.length > 0) {
      const content = Buffer.concat(extended);
      await this.#write(encodeHeader({ name: "extended", type: "x", mode: 0o644, bytes: content.length, link: "" }));
      await this.#write(content);
      await this.#pad(content.length);
    }
    await this.#write(encodeHeader({ ...entry, bytes: entry.bytes ?? 0, link }));
  }

  async #pad(bytes: number): Promise<void> {
    const over = bytes % BLOCK;
    if (over > 0) await this.#write(Buffer.alloc(BLOCK - over));
  }
}

/** As a checkout has them: what is not to be run is everybody's to read. */
function modeOf(found: Stats): number {
  return found.isDirectory() || (found.mode & 0o100) !== 0 ? 0o755 : 0o644;
}

function tooLarge(what: string): BackendFault {
  return new BackendFault("container_refused", `the folder that the image is made of has ${what}`);
}

function isOdd(text: string): boolean {
  return /[^\x20-\x7e]/.test(text);
}

/** A field of an extended header: its whole length in front, that of the length included. */
function record(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + String(bytes).length;
  if (bytes + String(length).length !== length) length = bytes + String(length).length;
  return Buffer.from(`${length}${rest}`);
}

function encodeHeader(entry: { name: string; type: string; mode: number; bytes: number; link: string }): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, chars: number) => `${value.toString(8).padStart(chars - 1, "0")}\0`;
  block.write(entry.name, 0, 99, "utf8");
  block.write(octal(entry.mode, 8), 100, "latin1");
  block.write(octal(0, 8), 108, "latin1");
  block.write(octal(0, 8), 116, "latin1");
  block.write(octal(entry.bytes, 12), 124, "latin1");
  block.write(octal(0, 12), 136, "latin1");
  block.write("        ", 148, "latin1");
  block.write(entry.type, 156, "latin1");
  block.write(entry.link, 157, 99, "utf8");
  block.write("ustar\x0000", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

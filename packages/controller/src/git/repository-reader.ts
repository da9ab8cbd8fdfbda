import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { GitEnvironment } from "./git-environment.ts";

export interface GitObject {
  readonly oid: string;
  readonly type: string;
  readonly sizeBytes: number;
  /** Null when it is larger than asked for: its bytes were passed over. */
  readonly bytes: Buffer | null;
}

interface Pending {
  readonly name: string;
  readonly bytesMax: number;
  readonly resolve: (object: GitObject | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** Reads objects of one repository through one `git cat-file --batch`, so that a read costs no process. */
export interface RepositoryReader {
  /**
   * The object of that name (an id, a ref, `<commit>:<path>`), or undefined when there is none. Requests are answered in
   * order; any number may wait.
   */
  read(name: string, bytesMax: number): Promise<GitObject | undefined>;
  readonly isOver: boolean;
  close(): void;
}

const NAME_PATTERN = /^[^\n\0]{1,1000}$/;

export function openRepositoryReader(environment: GitEnvironment, folder: string): RepositoryReader {
  const child = spawn("git", ["--git-dir", folder, "cat-file", "--batch"], {
    env: environment.env,
    cwd: "/",
    stdio: "pipe",
  });
  return readFrom(child);
}

function readFrom(child: ChildProcessWithoutNullStreams): RepositoryReader {
  const waiting: Pending[] = [];
  let isOver = false;
  let head = "";
  let body: {
    readonly oid: string;
    readonly type: string;
    readonly size: number;
    left: number;
    chunks: Buffer[];
  } | null = null;

  const end = (error: Error): void => {
    isOver = true;
    for (const pending of waiting.splice(0)) pending.reject(error);
  };
  child.on("error", end);
  child.on("close", () => end(new Error("git cat-file ended")));
  child.stdin.on("error", end);
  child.stderr.resume();
  child.stdout.on("data", (chunk: Buffer) => {
    let rest = chunk;
    while (rest.length > 0) rest = body === null ? readHead(rest) : readBody(rest);
  });

  return {
    read(name, bytesMax) {
      if (!NAME_PATTERN.test(name)) return Promise.resolve(undefined);
      if (isOver) return Promise.reject(new Error("git cat-file ended"));
      return new Promise((resolve, reject) => {
        waiting.push({ name, bytesMax, resolve, reject });
        child.stdin.write(`${name}\n`);
      });
    },
    get isOver() {
      return isOver;
    },
    close() {
      child.stdin.end();
    },
  };

  function readHead(chunk: Buffer): Buffer {
    const newline = chunk.indexOf(0x0a);
    if (newline < 0) {
      head += chunk.toString("utf8");
      return Buffer.alloc(0);
    }
    const line = head + chunk.subarray(0, newline).toString("utf8");
    head = "";
    const [, oid, type, size] = /^([0-9a-f]{40,64}) (\w+) (\d+)$/.exec(line) ?? [];
    if (oid === undefined || type === undefined || size === undefined) waiting.shift()?.resolve(undefined);
    // one newline follows the bytes
    else body = { oid, type, size: Number(size), left: Number(size) + 1, chunks: [] };
    return chunk.subarray(newline + 1);
  }

  function readBody(chunk: Buffer): Buffer {
    if (body === null) return chunk;
    const part = chunk.subarray(0, body.left);
    const isKept = body.size <= (waiting[0]?.bytesMax ?? 0);
    if (isKept) body.chunks.push(part);
    body.left -= part.length;
    if (body.left === 0) {
      const { oid, type, size, chunks } = body;
      body = null;
      const bytes = isKept ? Buffer.concat(chunks).subarray(0, size) : null;
      waiting.shift()?.resolve({ oid, type, sizeBytes: size, bytes });
    }
    return chunk.subarray(part.length);
  }
}

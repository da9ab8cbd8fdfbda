import { open } from "node:fs/promises";
import type Docker from "dockerode";
import { LogFrames } from "./log-frames.ts";

const NEWLINE = 10;

/**
 * Appends to the file what the container writes, from the first byte on but for what the file has already, until the
 * container has ended.
 *
 * The engine's log is kept by lines: a line that was never ended comes back with a newline. Whether that is the program's
 * own is known from listening to the container beside it (`Unended`); until the next piece has come it is held back. A
 * program that ends in the middle of a line while no agent listens is given that one newline.
 */
export async function followLog(
  container: Docker.Container,
  { path, unended, signal }: { readonly path: string; readonly unended: Unended; readonly signal: AbortSignal },
): Promise<void> {
  const stream = await container.logs({ stdout: true, stderr: true, follow: true, abortSignal: signal });
  const frames = new LogFrames();
  const file = await open(path, "a", 0o600);
  try {
    let skipBytes = (await file.stat()).size;
    let heldFrom: number | undefined;
    const append = async (bytes: Buffer) => {
      const isNew = bytes.subarray(Math.min(skipBytes, bytes.length));
      skipBytes -= bytes.length - isNew.length;
      if (isNew.length > 0) await file.appendFile(isNew);
    };
    for await (const chunk of stream) {
      const pieces: Buffer[] = [];
      for (const { stream: from, bytes } of frames.push(Buffer.from(chunk))) {
        if (bytes.length === 0) continue;
        if (heldFrom !== undefined) pieces.push(Buffer.of(NEWLINE));
        heldFrom = bytes.at(-1) === NEWLINE ? from : undefined;
        pieces.push(heldFrom === undefined ? bytes : bytes.subarray(0, -1));
      }
      if (pieces.length > 0) await append(Buffer.concat(pieces));
    }
    signal.throwIfAborted();
    await unended.wholeEnd(signal);
    if (heldFrom !== undefined && !unended.has(heldFrom)) await append(Buffer.of(NEWLINE));
  } finally {
    await file.close();
  }
}

/** Listens to a container from the side, only to know whether what it wrote last on a stream ended in a newline. */
export class Unended {
  #streams = new Set<number>();
  #ended: Promise<void> = Promise.resolve();

  /** Must be called before the container starts, or knows only of what is written from then on. */
  async listen(container: Docker.Container, signal: AbortSignal): Promise<void> {
    const stream = await container.attach({ stream: true, stdout: true, stderr: true, abortSignal: signal });
    const frames = new LogFrames();
    this.#ended = new Promise((resolve) => {
      // its loss costs what it knows and no more
      stream.once("error", () => resolve());
      stream.once("close", () => resolve());
      stream.once("end", () => resolve());
    });
    stream.on("data", (chunk: Buffer) => {
      for (const { stream: from, bytes } of frames.push(chunk)) {
        if (bytes.length === 0) continue;
        if (bytes.at(-1) === NEWLINE) this.#streams.delete(from);
        else this.#streams.add(from);
      }
    });
    signal.addEventListener("abort", () => stream.end(), { once: true });
  }

  has(stream: number): boolean {
    return this.#streams.has(stream);
  }

  /** Resolves when the container has ended and all it wrote was heard. */
  async wholeEnd(signal: AbortSignal): Promise<void> {
    await this.#ended;
    signal.throwIfAborted();
  }
}

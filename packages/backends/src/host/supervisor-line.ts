import { closeSync, constants, openSync, readSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import type { JobSite } from "../step-backend.ts";

/**
 * The agent's end of the supervisor's `events` pipe. Every line only says "look again": what is true stands in the site's
 * files. The end of the pipe says that the supervisor is gone, because no process of the job holds its writing end.
 */
export class SupervisorLine {
  #socket: Socket;
  #wakers = new Set<() => void>();
  #isGone: boolean;
  #hasSpoken = false;

  private constructor(socket: Socket, isGone: boolean) {
    this.#socket = socket;
    this.#isGone = isGone;
    socket.on("data", () => {
      this.#hasSpoken = true;
      this.#wake();
    });
    socket.on("close", () => {
      this.#isGone = true;
      this.#wake();
    });
    // A broken pipe is a closed one; "close" follows.
    socket.on("error", () => this.#wake());
    // Waiting callers keep the process alive, an idle job does not.
    socket.unref();
  }

  /** For a supervisor that was started before. Undefined when the pipe is not there. */
  static open(site: JobSite): SupervisorLine | undefined {
    return SupervisorLine.#open(site, hasNoWriter);
  }

  /** For a supervisor that is yet to start. */
  static openBeforeStart(site: JobSite): SupervisorLine | undefined {
    return SupervisorLine.#open(site, () => false);
  }

  static #open(site: JobSite, findGone: (fd: number) => boolean): SupervisorLine | undefined {
    let fd: number;
    try {
      fd = openSync(join(site.siteDir, "events"), constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
    try {
      const isGone = findGone(fd);
      return new SupervisorLine(new Socket({ fd, readable: true, writable: false }), isGone);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** It has said at least once that it is there. */
  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  /** Resolves at the next news, at `signal`'s abort, or after `ms`: news can be missed, so callers look again anyway. */
  nextNews(ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#isGone || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wakers.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wakers.add(done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #wake(): void {
    for (const waker of [...this.#wakers]) waker();
  }
}

/** A pipe that had no writer when it was opened never reports its end to a poll; only a read tells. */
function hasNoWriter(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(4_096)) === 0;
  } catch (error) {
    if (hasCode(error, "EAGAIN")) return false;
    throw error;
  }
}

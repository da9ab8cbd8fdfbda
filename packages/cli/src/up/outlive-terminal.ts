import type { Writable } from "node:stream";

/**
 * Lets the process live on when nobody reads its output any more (a closed terminal, `| head`): an orderly stop must not
 * break off because its progress cannot be printed. Other failures of the stream are thrown as usual.
 */
export function outliveTerminal(streams: readonly Writable[]): void {
  for (const stream of streams) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
    });
  }
}

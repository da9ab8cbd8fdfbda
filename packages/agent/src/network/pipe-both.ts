import type { Socket } from "node:net";

/** Carries bytes both ways until both sides have ended; a side that breaks, or silence of `idleMsMax`, ends both. */
export function pipeBoth(left: Socket, right: Socket, idleMsMax: number): void {
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    // a program may say that it has said all, and still listen
    from.allowHalfOpen = true;
    from.setNoDelay(true);
    from.setTimeout(idleMsMax, () => from.destroy());
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroySoon());
    from.pipe(to);
  }
}

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** So many bytes of dead buffers may lie about. */
const COLLECT_EVERY_BYTES = 16 * 1024 * 1024;

let collectYoung: (() => void) | undefined;
let passedBytes = 0;

/**
 * Says that so many bytes went through buffers which are needed no more. Buffers lie outside the collector's heap: what
 * passes bytes and makes few objects would leave them there until V8 walks the whole heap because of them, again and
 * again (half of the processor time of a long log). A look at the young objects alone, every now and then, is enough.
 */
export function passedThrough(bytes: number): void {
  passedBytes += bytes;
  if (passedBytes < COLLECT_EVERY_BYTES) return;
  passedBytes = 0;
  collectYoung ??= findCollector();
  collectYoung();
}

function findCollector(): () => void {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc !== "function") return () => {};
  return () => gc({ type: "minor" });
}

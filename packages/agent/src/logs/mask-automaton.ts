import type { Mask } from "./mask-finder.ts";

/**
 * All masks in one automaton (Aho and Corasick): a walk over the data takes time by its length alone, whatever a job made
 * of its masks. Immutable; made anew when a mask is added.
 */
export interface MaskAutomaton {
  /** At each place where a match ends, the longest one: shorter ones lie within. Only matches that begin before `endAt`. */
  find(data: Buffer, dataOffset: number, endAt: number, onMatch: (start: number, end: number) => void): void;
  /** The first position from which the rest of `data` may be the beginning of a match that is not complete. */
  firstUndecided(data: Buffer, dataOffset: number): number;
}

export function createMaskAutomaton(masks: readonly Mask[]): MaskAutomaton {
  const nodesMax = 1 + masks.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const longestBytes = masks.reduce((longest, { bytes }) => Math.max(longest, bytes.length), 0);
  // A tree by first child and next sibling; node 0 is the root, and "none".
  const firstChild = new Int32Array(nodesMax);
  const nextSibling = new Int32Array(nodesMax);
  const byteOf = new Uint8Array(nodesMax);
  const depthOf = new Int32Array(nodesMax);
  const atRoot = new Int32Array(256);
  /** The node of the longest proper suffix; the nearest of those where a mask ends. */
  const failOf = new Int32Array(nodesMax);
  const endingOf = new Int32Array(nodesMax);
  /** From where the mask that ends here, or one that goes on from here, counts; infinite: there is none. */
  const endsFrom = new Float64Array(nodesMax).fill(Number.POSITIVE_INFINITY);
  const goesOnFrom = new Float64Array(nodesMax).fill(Number.POSITIVE_INFINITY);
  let nodesCount = 1;

  function childOf(node: number, byte: number): number {
    if (node === 0) return atRoot[byte] ?? 0;
    let child = firstChild[node] ?? 0;
    while (child !== 0 && byteOf[child] !== byte) child = nextSibling[child] ?? 0;
    return child;
  }

  function add({ bytes, fromOffset }: Mask): void {
    let node = 0;
    for (const byte of bytes) {
      goesOnFrom[node] = Math.min(goesOnFrom[node] ?? 0, fromOffset);
      let child = childOf(node, byte);
      if (child === 0) {
        child = nodesCount++;
        byteOf[child] = byte;
        depthOf[child] = (depthOf[node] ?? 0) + 1;
        nextSibling[child] = firstChild[node] ?? 0;
        firstChild[node] = child;
        if (node === 0) atRoot[byte] = child;
      }
      node = child;
    }
    endsFrom[node] = Math.min(endsFrom[node] ?? 0, fromOffset);
  }

  function step(from: number, byte: number): number {
    for (let node = from; ; node = failOf[node] ?? 0) {
      const child = childOf(node, byte);
      if (child !== 0 || node === 0) return child;
    }
  }

  function link(): void {
    const queue = new Int32Array(nodesCount);
    let queued = 1;
    for (let at = 0; at < queued; at++) {
      const node = queue[at] ?? 0;
      for (let child = firstChild[node] ?? 0; child !== 0; child = nextSibling[child] ?? 0) {
        const fail = node === 0 ? 0 : step(failOf[node] ?? 0, byteOf[child] ?? 0);
        failOf[child] = fail;
        endingOf[child] = endsFrom[fail] !== Number.POSITIVE_INFINITY ? fail : (endingOf[fail] ?? 0);
        queue[queued++] = child;
      }
    }
  }

  for (const mask of masks) add(mask);
  link();

  return {
    find(data, dataOffset, endAt, onMatch) {
      let node = 0;
      for (let at = 0; at < data.length; at++) {
        node = step(node, data[at] ?? 0);
        let ending = endsFrom[node] !== Number.POSITIVE_INFINITY ? node : (endingOf[node] ?? 0);
        for (; ending !== 0; ending = endingOf[ending] ?? 0) {
          const start = at + 1 - (depthOf[ending] ?? 0);
          if (start >= endAt) break;
          if (dataOffset + start < (endsFrom[ending] ?? 0)) continue;
          onMatch(start, at + 1);
          break;
        }
      }
    },
    firstUndecided(data, dataOffset) {
      let node = 0;
      for (let at = Math.max(0, data.length - longestBytes + 1); at < data.length; at++) {
        node = step(node, data[at] ?? 0);
      }
      for (; node !== 0; node = failOf[node] ?? 0) {
        const start = data.length - (depthOf[node] ?? 0);
        if (dataOffset + start >= (goesOnFrom[node] ?? 0)) return start;
      }
      return data.length;
    },
  };
}

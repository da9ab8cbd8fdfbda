import { createMaskFinder, type Mask, type MaskFinder } from "./mask-finder.ts";

export type { Mask } from "./mask-finder.ts";

/**
 * Redacts one stream. What comes out depends only on the raw bytes, the masks and the raw offset at which each mask
 * appeared, never on how the bytes were cut into pushes: after a restart the same bytes are shipped again.
 */
export interface Redactor {
  /** A mask may be added as long as no byte at or after its `fromOffset` was pushed; empty ones are ignored. */
  addMask(mask: Mask): void;
  /** The redacted bytes that are decided; an end that may be the start of a secret is held back until it is. */
  push(raw: Buffer): Buffer;
  /** The bytes that were held back; call once, after the last push. */
  end(): Buffer;
}

const REPLACEMENT = Buffer.from("***");
const NOTHING = Buffer.alloc(0);

/** Every byte covered by a match disappears; each unbroken run of covered bytes becomes `***`. */
export function createRedactor(): Redactor {
  const finder = createMaskFinder();
  let hasMasks = false;
  let carry: Buffer = NOTHING;
  let carryOffset = 0;
  let coveredUntilOffset = 0;
  let isInRun = false;

  function decide(raw: Buffer, isLast: boolean): Buffer {
    if (!hasMasks) {
      carryOffset += raw.length;
      return raw;
    }
    const data = carry.length === 0 ? raw : Buffer.concat([carry, raw]);
    const decidedCount = isLast ? data.length : finder.firstUndecided(data, carryOffset);
    const runs = coveredRuns(data, carryOffset, decidedCount, finder, coveredUntilOffset - carryOffset);
    const redacted = replaceRuns(data, decidedCount, runs);
    coveredUntilOffset = Math.max(coveredUntilOffset, carryOffset + (runs.at(-1)?.[1] ?? 0));
    // A copy: the caller's buffer must be free to be used again.
    carry = Buffer.from(data.subarray(decidedCount));
    carryOffset += decidedCount;
    return redacted;
  }

  function replaceRuns(data: Buffer, decidedCount: number, runs: readonly Run[]): Buffer {
    const parts: Buffer[] = [];
    let position = 0;
    const copyUntil = (end: number) => {
      if (end <= position) return;
      parts.push(data.subarray(position, end));
      position = end;
      isInRun = false;
    };
    for (const [start, end] of runs) {
      copyUntil(start);
      if (!isInRun) parts.push(REPLACEMENT);
      isInRun = true;
      position = Math.min(end, decidedCount);
    }
    copyUntil(decidedCount);
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  return {
    addMask(mask) {
      if (mask.bytes.length === 0) return;
      hasMasks = true;
      finder.add(mask);
    },
    push: (raw) => decide(raw, false),
    end() {
      const last = decide(NOTHING, true);
      finder.rest();
      return last;
    },
  };
}

type Run = [start: number, end: number];

/** Matches that begin before `decidedCount`, merged where they touch; `coveredBytes` are left over from earlier data. */
function coveredRuns(
  data: Buffer,
  dataOffset: number,
  decidedCount: number,
  finder: MaskFinder,
  coveredBytes: number,
): Run[] {
  const runs: Run[] = coveredBytes > 0 ? [[0, coveredBytes]] : [];
  finder.find(data, dataOffset, decidedCount, (start, end) => {
    const last = runs.at(-1);
    // Most often they come in order: then there are no more runs than are shown.
    if (last !== undefined && start >= last[0] && start <= last[1]) last[1] = Math.max(last[1], end);
    else runs.push([start, end]);
  });
  if (runs.length < 2) return runs;
  runs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const merged: Run[] = [];
  for (const run of runs) {
    const last = merged.at(-1);
    if (last !== undefined && run[0] <= last[1]) last[1] = Math.max(last[1], run[1]);
    else merged.push(run);
  }
  return merged;
}

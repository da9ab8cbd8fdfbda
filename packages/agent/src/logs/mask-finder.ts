import { createMaskAutomaton, type MaskAutomaton } from "./mask-automaton.ts";

/** A byte string that must not reach the log in matches that begin at or after `fromOffset` of the raw stream. */
export interface Mask {
  readonly bytes: Uint8Array;
  readonly fromOffset: number;
}

/** Finds every match of every mask in a piece of a stream. */
export interface MaskFinder {
  /** At least one byte. */
  add(mask: Mask): void;
  /**
   * Matches that begin before `endAt`, in no order; they may overlap, and those within others may be missing. `dataOffset`
   * is where `data` stands in the stream.
   */
  find(data: Buffer, dataOffset: number, endAt: number, onMatch: (start: number, end: number) => void): void;
  /** The first position from which the rest of `data` may be the beginning of a match that is not complete. */
  firstUndecided(data: Buffer, dataOffset: number): number;
  /** Gives back what it made for searching; it is made again when needed. */
  rest(): void;
}

/** With few masks the runtime's own search, once for each, is fastest; with many, one walk by pairs of bytes. */
const SEARCHED_ONE_BY_ONE_MAX = 6;
/** With masks longer than this together, both could be made to take minutes by who chooses the masks: an automaton cannot. */
const SEARCHED_BYTES_MAX = 2_048;

export function createMaskFinder(): MaskFinder {
  const masks: Mask[] = [];
  let masksBytes = 0;
  let longestBytes = 0;
  let automaton: MaskAutomaton | undefined;

  function automatonIfNeeded(): MaskAutomaton | undefined {
    if (masksBytes <= SEARCHED_BYTES_MAX) return undefined;
    automaton ??= createMaskAutomaton(masks);
    return automaton;
  }
  /** By the first two bytes; a mask of one byte stands under all pairs it may begin. */
  const byPair = new Map<number, Mask[]>();
  const isFirstPair = new Uint8Array(65_536);

  function addPair(pair: number, mask: Mask): void {
    isFirstPair[pair] = 1;
    const known = byPair.get(pair);
    if (known === undefined) byPair.set(pair, [mask]);
    else known.push(mask);
  }

  return {
    add(mask) {
      masks.push(mask);
      masksBytes += mask.bytes.length;
      longestBytes = Math.max(longestBytes, mask.bytes.length);
      automaton = undefined;
      const [first = 0, second] = mask.bytes;
      if (second !== undefined) addPair((first << 8) | second, mask);
      else for (let other = 0; other < 256; other++) addPair((first << 8) | other, mask);
    },
    find(data, dataOffset, endAt, onMatch) {
      const whole = automatonIfNeeded();
      if (whole !== undefined) return whole.find(data, dataOffset, endAt, onMatch);
      if (masks.length <= SEARCHED_ONE_BY_ONE_MAX) {
        for (const { bytes, fromOffset } of masks) {
          let at = data.indexOf(bytes, Math.max(0, fromOffset - dataOffset));
          while (at !== -1 && at < endAt) {
            onMatch(at, at + bytes.length);
            at = data.indexOf(bytes, at + 1);
          }
        }
        return;
      }
      // The byte after the last is read as 0: a mask of one byte stands under that pair too.
      let pair = data[0] ?? 0;
      for (let at = 0; at < endAt; at++) {
        pair = ((pair & 0xff) << 8) | (at + 1 < data.length ? (data[at + 1] ?? 0) : 0);
        if (isFirstPair[pair] === 0) continue;
        for (const { bytes, fromOffset } of byPair.get(pair) ?? []) {
          const end = at + bytes.length;
          if (dataOffset + at < fromOffset || end > data.length) continue;
          if (data.compare(bytes, 0, bytes.length, at, end) === 0) onMatch(at, end);
        }
      }
    },
    rest() {
      automaton = undefined;
    },
    firstUndecided(data, dataOffset) {
      const whole = automatonIfNeeded();
      if (whole !== undefined) return whole.firstUndecided(data, dataOffset);
      for (let at = Math.max(0, data.length - longestBytes + 1); at < data.length; at++) {
        const restBytes = data.length - at;
        for (const { bytes, fromOffset } of masks) {
          if (data[at] !== bytes[0] || restBytes >= bytes.length || dataOffset + at < fromOffset) continue;
          if (data.compare(bytes, 0, restBytes, at) === 0) return at;
        }
      }
      return data.length;
    },
  };
}

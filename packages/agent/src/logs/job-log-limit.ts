import type { StreamName } from "@windrow/model";

export interface JobLogLimitOptions {
  readonly bytesMax: number;
  /** Where earlier processes of the agent cut streams: shipped again, they must be cut at the same byte. */
  readonly earlierCuts: ReadonlyMap<StreamName, number>;
  /** A stream is cut; told before anything that follows the cut is shipped. */
  readonly onCut: (stream: StreamName, storedBytes: number) => void;
}

/** What the streams of one job may store together. */
export interface JobLogLimit {
  /** Bytes that the stream may have before its cut; it has `headBytes` of them. Never fewer than it had before. */
  roomFor(stream: StreamName, headBytes: number): number;
  /** It has so many now. */
  use(stream: StreamName, headBytes: number): void;
  /** It gets no more. */
  cut(stream: StreamName, headBytes: number): void;
}

export function createJobLogLimit({ bytesMax, earlierCuts, onCut }: JobLogLimitOptions): JobLogLimit {
  const cuts = new Map(earlierCuts);
  /** The most each had: one that begins again takes nothing from the others. */
  const used = new Map(earlierCuts);
  let usedBytes = [...used.values()].reduce((sum, bytes) => sum + bytes, 0);

  function use(stream: StreamName, headBytes: number): void {
    const before = used.get(stream) ?? 0;
    if (headBytes <= before) return;
    used.set(stream, headBytes);
    usedBytes += headBytes - before;
  }

  return {
    roomFor(stream, headBytes) {
      const most = cuts.get(stream) ?? (used.get(stream) ?? 0) + Math.max(0, bytesMax - usedBytes);
      return Math.max(0, most - headBytes);
    },
    use,
    cut(stream, headBytes) {
      use(stream, headBytes);
      if (cuts.has(stream)) return;
      cuts.set(stream, headBytes);
      onCut(stream, headBytes);
    },
  };
}

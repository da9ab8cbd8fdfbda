import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createSegmentGatherer } from "./gather-segment.ts";
import { SEGMENT_BYTES_MAX } from "./segment-buffers.ts";

test("what is gathered from chunks of any size comes out in order, never more than a segment at once", () => {
  const sizes = [10, 40_000, 1, 300_000, 262_144, 5, 262_144, 262_144, 262_144, 31_000, 31_000, 262_144, 7];
  const gathered = createSegmentGatherer();
  const all = randomBytes(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  for (const size of sizes) {
    const chunk = Buffer.from(all.subarray(at, at + size));
    gathered.add(chunk);
    // the caller's buffer may be used again once it was large enough to be copied
    if (size >= 40_000) chunk.fill(0);
    at += size;
    expect(gathered.lengthBytes).toBe(at);
  }
  expect(Buffer.concat(gathered.pieces()).equals(all)).toBe(true);
  const segments: Buffer[] = [];
  while (gathered.lengthBytes > 0) {
    const taken = gathered.take();
    expect(taken.length).toBeLessThanOrEqual(SEGMENT_BYTES_MAX);
    segments.push(Buffer.from(taken));
    gathered.giveBack(taken);
  }
  expect(Buffer.concat(segments).equals(all)).toBe(true);
});

test("small chunks alone become one segment of their length, without a whole segment's buffer", () => {
  const gathered = createSegmentGatherer();
  for (const word of ["one ", "two ", "three"]) gathered.add(Buffer.from(word));
  const taken = gathered.take();
  expect(Buffer.from(taken).toString()).toBe("one two three");
  expect(taken.buffer.byteLength).toBeLessThan(SEGMENT_BYTES_MAX);
});

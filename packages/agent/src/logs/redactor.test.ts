import { describe, expect, it } from "vitest";
import { createMaskFinder } from "./mask-finder.ts";
import { createRedactor } from "./redactor.ts";

function redact(pieces: readonly Buffer[], masks: readonly { text: string; fromOffset?: number }[]): string {
  const redactor = createRedactor();
  for (const mask of masks) redactor.addMask({ bytes: Buffer.from(mask.text), fromOffset: mask.fromOffset ?? 0 });
  return Buffer.concat([...pieces.map((piece) => redactor.push(piece)), redactor.end()]).toString("latin1");
}

function cut(bytes: Buffer, pieceBytes: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
  return pieces;
}

const cases: { name: string; raw: string; masks: { text: string; fromOffset?: number }[]; shipped: string }[] = [
  { name: "ships bytes as they are without masks", raw: "plain text", masks: [], shipped: "plain text" },
  { name: "replaces a secret", raw: "a secret here", masks: [{ text: "secret" }], shipped: "a *** here" },
  {
    name: "takes the longer of two that begin alike",
    raw: "abcdef.",
    masks: [{ text: "abc" }, { text: "abcdef" }],
    shipped: "***.",
  },
  {
    name: "leaves the start of a secret that does not go on",
    raw: "secre",
    masks: [{ text: "secret" }],
    shipped: "secre",
  },
  {
    name: "covers overlapping secrets whole",
    raw: "xabcdx",
    masks: [{ text: "abc" }, { text: "bcd" }],
    shipped: "x***x",
  },
  { name: "writes one mark for secrets that touch", raw: "abab!", masks: [{ text: "ab" }], shipped: "***!" },
  { name: "covers an endless run with one mark", raw: "a".repeat(1000), masks: [{ text: "aa" }], shipped: "***" },
  { name: "ignores an empty mask", raw: "abc", masks: [{ text: "" }], shipped: "abc" },
  {
    name: "leaves what was written before the mask appeared",
    raw: "key key key",
    masks: [{ text: "key", fromOffset: 4 }],
    shipped: "key *** ***",
  },
];

describe("redactor", () => {
  for (const { name, raw, masks, shipped } of cases) {
    it(name, () => {
      for (const pieceBytes of [1, 2, 3, 5, 7, 4096]) {
        expect(redact(cut(Buffer.from(raw), pieceBytes), masks), `in pieces of ${pieceBytes}`).toBe(shipped);
      }
    });
  }

  it("gives the same bytes however random data is cut", () => {
    let seed = 7;
    const next = (limit: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % limit;
    };
    for (let round = 0; round < 200; round++) {
      const raw = Buffer.from(Array.from({ length: 200 }, () => 97 + next(3)));
      const masks = Array.from({ length: 1 + next(4) }, () => {
        const start = next(190);
        return { text: raw.subarray(start, start + 1 + next(8)).toString("latin1"), fromOffset: next(100) };
      });
      const whole = redact([raw], masks);
      for (const pieceBytes of [1, 3, 17]) expect(redact(cut(raw, pieceBytes), masks)).toBe(whole);
    }
  });

  it("finds with many masks what it finds with each of them", () => {
    let seed = 11;
    const next = (limit: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % limit;
    };
    for (let round = 0; round < 100; round++) {
      const raw = Buffer.from(Array.from({ length: 300 }, () => 97 + next(4)));
      const masks = Array.from({ length: 12 }, () => {
        const start = next(290);
        return { bytes: raw.subarray(start, start + 1 + next(9)), fromOffset: next(200) };
      });
      const found = (some: typeof masks) => {
        const matches = new Set<string>();
        const finder = createMaskFinder();
        for (const mask of some) finder.add(mask);
        finder.find(raw, 50, 280, (start, end) => matches.add(`${start}-${end}`));
        return [...matches].sort();
      };
      expect(found(masks)).toEqual([...new Set(masks.flatMap((mask) => found([mask])))].sort());
    }
  });

  it("finds with an automaton what it finds without one", () => {
    let seed = 13;
    const next = (limit: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % limit;
    };
    // So long together that the automaton is used; none of it occurs.
    const ballast = { text: "z".repeat(3_000) };
    for (let round = 0; round < 200; round++) {
      const raw = Buffer.from(Array.from({ length: 200 }, () => 97 + next(2)));
      const masks = Array.from({ length: 1 + next(8) }, () => {
        const start = next(180);
        return { text: raw.subarray(start, start + 1 + next(12)).toString("latin1"), fromOffset: next(150) };
      });
      const expected = redact([raw], masks);
      for (const pieceBytes of [1, 3, 17, 200]) {
        expect(redact(cut(raw, pieceBytes), [...masks, ballast])).toBe(expected);
      }
    }
  });

  it.each([
    ["one long mask of one letter", [Buffer.alloc(60_000, "a")]],
    ["many that begin alike", Array.from({ length: 1_000 }, (_, no) => Buffer.from(`aaaaaaaaaaaa${no}`))],
    ["nested ones", Array.from({ length: 500 }, (_, no) => Buffer.alloc(no + 1, "a"))],
  ])("is not held up by masks that a job chose badly: %s", (_, masks) => {
    const redactor = createRedactor();
    for (const bytes of masks) redactor.addMask({ bytes, fromOffset: 0 });
    const beganMs = performance.now();
    for (let piece = 0; piece < 4; piece++) redactor.push(Buffer.alloc(256 * 1024, "a"));
    redactor.end();
    // Without the automaton it takes minutes.
    expect(performance.now() - beganMs).toBeLessThan(5_000);
  });
});

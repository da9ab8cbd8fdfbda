import { expect, it } from "vitest";
import { decideDrops } from "./decide-drops.ts";
import { levelsOf } from "./disk-levels.ts";
import { bytesOfShare, parseDiskShare, sayBytes } from "./disk-share.ts";

const stores = [
  { name: "actions", bytes: 100 },
  { name: "tools", bytes: 500 },
  { name: "images", bytes: 400 },
];

it.each([
  ["nothing while there is room", { cacheBytesMax: 1_000, freeBytes: 900, reserveBytes: 500 }, []],
  ["the largest what is too much", { cacheBytesMax: 900, freeBytes: 900, reserveBytes: 500 }, [["tools", 400]]],
  ["the largest what the reserve lacks", { cacheBytesMax: 2_000, freeBytes: 300, reserveBytes: 500 }, [["tools", 300]]],
  [
    "more than one when one is not enough",
    { cacheBytesMax: 2_000, freeBytes: 0, reserveBytes: 700 },
    [
      ["tools", 0],
      ["images", 200],
    ],
  ],
  [
    "all there is, and no more",
    { cacheBytesMax: 2_000, freeBytes: 0, reserveBytes: 5_000 },
    [
      ["tools", 0],
      ["images", 0],
      ["actions", 0],
    ],
  ],
])("takes from caches %s", (_what, facts, drops) => {
  expect(decideDrops({ stores, ...facts }).map(({ name, bytesMax }) => [name, bytesMax])).toEqual(drops);
});

it.each([
  ["20%", { percent: 20 }],
  ["0", { bytes: 0 }],
  ["500M", { bytes: 500 * 2 ** 20 }],
  ["2T", { bytes: 2 ** 41 }],
  ["101%", undefined],
  ["-1", undefined],
  ["1.5G", undefined],
  ["many", undefined],
  ["999999999999999T", undefined],
])("reads the share %s", (text, share) => {
  expect(parseDiskShare(text)).toEqual(share);
});

it("has levels that a disk of any size can keep", () => {
  for (const diskBytes of [16 * 2 ** 20, 2 ** 30, 10 * 2 ** 30, 2 ** 42]) {
    const { dropBytes, refuseBytes, endBytes } = levelsOf({}, diskBytes);
    expect(dropBytes).toBeLessThanOrEqual(diskBytes / 20);
    expect(refuseBytes).toBeLessThanOrEqual(dropBytes / 2);
    expect(endBytes).toBeLessThanOrEqual(refuseBytes);
  }
  expect(levelsOf({}, 2 ** 42)).toEqual({
    dropBytes: 5 * 2 ** 30,
    refuseBytes: 256 * 2 ** 20,
    endBytes: 128 * 2 ** 20,
  });
  expect(levelsOf({ reserve: { bytes: 0 } }, 2 ** 42)).toEqual({ dropBytes: 0, refuseBytes: 0, endBytes: 0 });
});

it("says bytes in words", () => {
  expect([0, 1_023, 1_024, 1_536, 5 * 2 ** 30, 2 ** 50].map(sayBytes)).toEqual([
    "0 bytes",
    "1023 bytes",
    "1 KiB",
    "1.5 KiB",
    "5 GiB",
    "1024 TiB",
  ]);
  expect(bytesOfShare({ percent: 20 }, 1_000)).toBe(200);
});

import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { createLogger, systemClock } from "@windrow/service";
import { expect, it } from "vitest";
import { type CacheStore, keepRoom } from "./keep-room.ts";

const folder = tmpdir();
const { bsize, bavail } = statfsSync(folder);
const base = {
  folder,
  sweepOld: async () => undefined,
  clock: systemClock,
  logger: createLogger({ component: "test", level: "silent" }),
};

/** A cache that holds on to `used` bytes of what it has. */
function store(name: string, has: number, used = 0): CacheStore & { left: number } {
  const self = {
    name,
    left: has,
    bytes: async () => self.left,
    async drop(bytesMax: number) {
      const bytes = Math.max(0, self.left - Math.max(bytesMax, used));
      self.left -= bytes;
      return { droppedCount: bytes > 0 ? 1 : 0, bytes };
    },
  };
  return self;
}

it("takes from the next one what a cache in use cannot give", async () => {
  const tools = store("tools", 600, 500);
  const images = store("images", 400);
  const settings = { cache: { bytes: 700 }, reserve: { bytes: 0 } };
  await keepRoom({ ...base, stores: [tools, images], settings });
  expect([tools.left, images.left]).toEqual([500, 200]);
});

it("drops all it can when the disk's reserve is gone, and goes on past a cache that fails", async () => {
  const broken: CacheStore = {
    name: "broken",
    bytes: async () => 10_000,
    drop: () => Promise.reject(new Error("the engine is away")),
  };
  const tools = store("tools", 600);
  const settings = { cache: { percent: 20 }, reserve: { bytes: bavail * bsize * 2 } };
  await expect(keepRoom({ ...base, stores: [broken, tools], settings })).rejects.toThrow("the engine is away");
  expect(tools.left).toBe(0);
});

it("removes what is of old versions, whatever room there is", async () => {
  let swept = 0;
  const sweepOld = async () => void swept++;
  const tools = store("tools", 600);
  await keepRoom({ ...base, sweepOld, stores: [tools], settings: { cache: { percent: 20 }, reserve: { bytes: 0 } } });
  expect([swept, tools.left]).toEqual([1, 600]);
});

import { describe, expect, it } from "vitest";
import { BatchQueueFull, createBatcher } from "./batcher.ts";

function gathering(
  options: { failWith?: (items: readonly string[]) => Error | undefined; batchMax?: number; queueMax?: number } = {},
) {
  const batches: string[][] = [];
  const batcher = createBatcher<string, string>({
    name: "test items",
    batchMax: options.batchMax ?? 10,
    queueMax: options.queueMax ?? 100,
    keyOf: (item) => item,
    async runBatch(items) {
      batches.push([...items]);
      const error = options.failWith?.(items);
      if (error !== undefined) throw error;
      return items.map((item) => item.toUpperCase());
    },
  });
  return { batches, batcher };
}

describe("createBatcher", () => {
  it("writes together what comes together, and answers each its own", async () => {
    const { batches, batcher } = gathering();
    expect(await Promise.all(["a", "b", "c"].map((item) => batcher.submit(item)))).toEqual(["A", "B", "C"]);
    expect(batches).toEqual([["a", "b", "c"]]);
  });

  it("puts items that must not share a statement into different ones", async () => {
    const { batches, batcher } = gathering();
    await Promise.all(["a", "a", "b"].map((item) => batcher.submit(item)));
    expect(batches).toEqual([["a", "b"], ["a"]]);
  });

  it("takes no more than its bounds", async () => {
    const { batches, batcher } = gathering({ batchMax: 2, queueMax: 3 });
    const waiting = ["a", "b", "c"].map((item) => batcher.submit(item));
    await expect(batcher.submit("d")).rejects.toBeInstanceOf(BatchQueueFull);
    await Promise.all(waiting);
    expect(batches).toEqual([["a", "b"], ["c"]]);
  });

  it("lets a bad item fail alone", async () => {
    const { batcher } = gathering({ failWith: (items) => (items.includes("bad") ? new Error("bad item") : undefined) });
    const results = await Promise.allSettled(["a", "bad", "b"].map((item) => batcher.submit(item)));
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("does not try one by one while the world is broken", async () => {
    const { batches, batcher } = gathering({ failWith: () => Object.assign(new Error("away"), { retryable: true }) });
    const results = await Promise.allSettled(["a", "b"].map((item) => batcher.submit(item)));
    expect(results.map((result) => result.status)).toEqual(["rejected", "rejected"]);
    expect(batches).toEqual([["a", "b"]]);
  });
});

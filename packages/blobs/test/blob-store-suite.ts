import { randomBytes, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { BlobExists, BlobNotFound, type BlobStore } from "@windrow/blobs";
import { expect, it } from "vitest";

/** What every blob store promises. */
export function describeBlobStore(create: () => Promise<BlobStore>): void {
  const newKey = () => `log/${randomUUID()}/0-${randomBytes(4).toString("hex")}`;

  it("returns all 256 byte values as they were put", async () => {
    const store = await create();
    const key = newKey();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    expect(await store.put(key, bytes)).toEqual({ lengthBytes: 256 });
    expect(Buffer.from(await store.get(key))).toEqual(bytes);
  });

  it("takes a stream as well as bytes", async () => {
    const store = await create();
    const key = newKey();
    const bytes = randomBytes(3_000_000);
    expect(await store.put(key, Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]))).toEqual({
      lengthBytes: bytes.length,
    });
    expect((await buffer(await store.open(key))).equals(bytes)).toBe(true);
  });

  it("returns a range, cut at the end", async () => {
    const store = await create();
    const key = newKey();
    await store.put(key, Buffer.from("0123456789"));
    expect(Buffer.from(await store.get(key, { start: 3, end: 6 })).toString()).toBe("345");
    expect(Buffer.from(await store.get(key, { start: 8, end: 60 })).toString()).toBe("89");
    expect(Buffer.from(await store.get(key, { start: 80 })).toString()).toBe("");
    expect((await buffer(await store.open(key, { start: 7 }))).toString()).toBe("789");
  });

  it("refuses to write a key twice and keeps the first", async () => {
    const store = await create();
    const key = newKey();
    await store.put(key, Buffer.from("first"));
    await expect(store.put(key, Buffer.from("second"))).rejects.toBeInstanceOf(BlobExists);
    expect(Buffer.from(await store.get(key)).toString()).toBe("first");
  });

  it("leaves nothing of a put that failed", async () => {
    const store = await create();
    const key = newKey();
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from("half");
        throw new Error("the source broke");
      })(),
    );
    await expect(store.put(key, broken)).rejects.toThrow("the source broke");
    await expect(store.get(key)).rejects.toBeInstanceOf(BlobNotFound);
    for await (const entry of store.list("")) expect(entry.key).not.toBe(key);
  });

  it("forgets what is deleted, and deletes twice without complaint", async () => {
    const store = await create();
    const key = newKey();
    await store.put(key, Buffer.from("x"));
    await store.delete(key);
    await store.delete(key);
    await expect(store.get(key)).rejects.toBeInstanceOf(BlobNotFound);
    await expect(store.open(key)).rejects.toBeInstanceOf(BlobNotFound);
  });

  it("lists what is below a prefix and nothing else", async () => {
    const store = await create();
    const [one, two, other] = [`a/${randomUUID()}/1`, `a/${randomUUID()}/2`, `b/${randomUUID()}`];
    for (const key of [one, two, other]) await store.put(key, Buffer.from("xyz"));
    const found = [];
    for await (const entry of store.list("a/")) found.push(entry);
    expect(found.map((entry) => entry.key).sort()).toEqual([one, two].sort());
    expect(found.every((entry) => entry.lengthBytes === 3)).toBe(true);
    const single = [];
    for await (const entry of store.list(one)) single.push(entry.key);
    expect(single).toEqual([one]);
  });

  it.each(["", "/a", "a/", "../a", "a/../b", "a//b", ".a", "a/.b", "a b", "a\0b", "x".repeat(600)])(
    "refuses %j as a key",
    async (key) => {
      const store = await create();
      await expect(store.put(key, Buffer.from("x"))).rejects.toBeInstanceOf(RangeError);
      await expect(store.get(key)).rejects.toBeInstanceOf(RangeError);
    },
  );
}

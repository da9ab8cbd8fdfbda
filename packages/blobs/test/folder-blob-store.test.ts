import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFolderBlobStore } from "@windrow/blobs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeBlobStore } from "./blob-store-suite.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "windrow-blobs-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("folder blob store", () => {
  describeBlobStore(async () => createFolderBlobStore(await mkdtemp(join(folder, "store-"))));

  it("is one store for two processes on the same folder", async () => {
    const shared = await mkdtemp(join(folder, "shared-"));
    const [one, two] = [await createFolderBlobStore(shared), await createFolderBlobStore(shared)];
    await one.put("log/a", Buffer.from("from one"));
    expect(Buffer.from(await two.get("log/a")).toString()).toBe("from one");
  });

  it("leaves no draft behind", async () => {
    const alone = await mkdtemp(join(folder, "alone-"));
    const store = await createFolderBlobStore(alone);
    await Promise.all(Array.from({ length: 50 }, (_, n) => store.put(`log/${n}`, Buffer.from("x"))));
    expect(await readdir(join(alone, ".incoming"))).toEqual([]);
  });
});

import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StreamName, StreamSeal } from "@windrow/model";
import { expect, test } from "vitest";
import { createJobLogLimit, type JobLogLimit } from "./job-log-limit.ts";
import { createLogStream } from "./log-stream.ts";
import { KEPT_TAIL_BYTES } from "./stream-limiter.ts";

const LIMIT = 1_000_000;

interface Cut {
  readonly stream: StreamName;
  readonly storedBytes: number;
}

function limitOf(cuts: Cut[], earlierCuts: readonly Cut[] = []): JobLogLimit {
  return createJobLogLimit({
    bytesMax: LIMIT,
    earlierCuts: new Map(earlierCuts.map(({ stream, storedBytes }) => [stream, storedBytes])),
    onCut: (stream, storedBytes) => cuts.push({ stream, storedBytes }),
  });
}

async function ship(
  raw: Buffer,
  limit: JobLogLimit,
  stream: StreamName = "0",
): Promise<{ stored: Buffer; seal: StreamSeal | undefined }> {
  const dir = mkdtempSync(join(tmpdir(), "windrow-limit-"));
  const path = join(dir, "spool");
  writeFileSync(path, raw);
  const log = createLogStream({ stream, limit, masks: [{ bytes: Buffer.from("secret"), fromOffset: 0 }] });
  log.addFile(path);
  log.endFile(raw.length);
  log.end();
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = await log.next();
    if (chunk === undefined) break;
    chunks.push(Buffer.from(chunk.data));
    chunk.release?.();
  }
  await log.close();
  rmSync(dir, { recursive: true });
  return { stored: Buffer.concat(chunks), seal: log.seal };
}

test("F21: of a log beyond its limit the beginning and the last 64 KiB are stored, with what is missing between said", async () => {
  const cuts: Cut[] = [];
  const raw = randomBytes(3_000_000);
  const { stored, seal } = await ship(raw, limitOf(cuts));
  expect(cuts).toEqual([{ stream: "0", storedBytes: LIMIT }]);
  expect(seal).toEqual({
    stream: "0",
    lengthBytes: stored.length,
    sha256: createHash("sha256").update(stored).digest("hex"),
    truncation: { truncatedAt: LIMIT, producedBytes: raw.length },
  });
  expect(stored.subarray(0, LIMIT).equals(raw.subarray(0, LIMIT))).toBe(true);
  expect(stored.subarray(-KEPT_TAIL_BYTES).equals(raw.subarray(-KEPT_TAIL_BYTES))).toBe(true);
  const between = stored.subarray(LIMIT, -KEPT_TAIL_BYTES).toString("latin1").trim();
  expect(between.split("\n")).toEqual([
    "[windrow] The limit of the job's log is reached: the step goes on, and the end of its output follows when it is over.",
    `[windrow] ${raw.length - LIMIT - KEPT_TAIL_BYTES} bytes were left out here; the last ${KEPT_TAIL_BYTES} follow.`,
  ]);
  // another process of the agent, which knows of the cut, ships the same
  const again: Cut[] = [];
  expect((await ship(raw, limitOf(again, cuts))).stored.equals(stored)).toBe(true);
  expect(again).toEqual([]);
});

test("a log that ends within 64 KiB after its limit is stored whole", async () => {
  for (const more of [0, 1, KEPT_TAIL_BYTES]) {
    const raw = randomBytes(LIMIT + more);
    const { stored, seal } = await ship(raw, limitOf([]));
    expect(stored.equals(raw)).toBe(true);
    expect(seal?.truncation).toBeUndefined();
  }
});

test("a secret is redacted in the end that is kept, and across the cut", async () => {
  const raw = Buffer.from(`${"x".repeat(LIMIT - 3)}secret${"y".repeat(200_000)} secret\n`);
  const { stored, seal } = await ship(raw, limitOf([]));
  expect(stored.includes("secret")).toBe(false);
  expect(stored.subarray(LIMIT - 3, LIMIT).toString()).toBe("***");
  expect(stored.toString().endsWith("y ***\n")).toBe(true);
  expect(seal?.truncation?.producedBytes).toBe(raw.length - 6);
});

test("the steps of a job share its limit; one that is shipped again takes nothing from the others", async () => {
  const cuts: Cut[] = [];
  const limit = limitOf(cuts);
  const raw = randomBytes(700_000);
  expect((await ship(raw, limit, "0")).stored.equals(raw)).toBe(true);
  const { seal } = await ship(raw, limit, "1");
  expect(seal?.truncation).toEqual({ truncatedAt: LIMIT - raw.length, producedBytes: raw.length });
  expect((await ship(raw, limit, "0")).stored.equals(raw)).toBe(true);
  expect(cuts).toEqual([{ stream: "1", storedBytes: LIMIT - raw.length }]);
});

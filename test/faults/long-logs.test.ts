import { createHash } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { logLines } from "../kit/log-lines.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { type SlowReader, startSlowReader } from "../kit/slow-reader.ts";
import { createTemporaryFolder } from "../kit/temporary-folder.ts";
import { runWindrow } from "../kit/windrow-command.ts";

let farm: Farm;
let reader: SlowReader | undefined;
afterEach(async () => {
  await reader?.stop();
  reader = undefined;
  await farm?.stop();
});

/** A file that a job prints at full speed. */
function printable(bytes: Uint8Array): string {
  const dir = createTemporaryFolder("windrow-long-log-");
  chmodSync(dir, 0o755);
  writeFileSync(join(dir, "bytes"), bytes);
  return join(dir, "bytes");
}

const stepsOf = (...scripts: string[]): string => `
on: push
jobs:
  only:
    runs-on: linux
    steps:
${scripts.map((script) => `      - run: ${script}\n`).join("")}`;

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

interface StreamsAnswer {
  readonly streams: readonly {
    readonly stream: string;
    readonly length_bytes: number;
    readonly line_count: number;
    readonly sha256: string;
    readonly truncated_at: number | null;
    readonly produced_bytes: number | null;
  }[];
}

test("F20: a million lines at full speed come to rest whole while a follower takes 1 KB in a second", async () => {
  farm = await Farm.start();
  const bytes = logLines(1_000_000, 100);
  const { runId } = await pushWorkflow(farm, stepsOf(`cat ${printable(bytes)}`));
  const [job] = await farm.jobs(runId);
  reader = startSlowReader(farm, { jobId: job?.id ?? 0, bytesPerSecond: 1_024 });
  const run = await farm.waitRunFinished(runId, 90_000);
  expect(run.conclusion).toBe("success");
  // the follower is far behind, and nobody waited for it
  expect(reader.readBytes).toBeLessThan(bytes.length / 100);
  expect(sha256(await readLog(farm, { jobId: job?.id ?? 0, stream: "0" }))).toBe(sha256(bytes));
  const { streams } = await farm.api<StreamsAnswer>("GET", `/api/v1/jobs/${job?.id}/streams`);
  expect(streams.find(({ stream }) => stream === "0")).toMatchObject({
    line_count: 1_000_000,
    sha256: sha256(bytes),
    truncated_at: null,
  });
  expect(await checkHistory(farm)).toEqual([]);
}, 120_000);

test("F21: one line of 20 MB is shown in small pieces that lead to each other, and had whole by API and CLI", async () => {
  farm = await Farm.start();
  const line = Buffer.alloc(20_000_000, "0123456789");
  const { runId } = await pushWorkflow(farm, stepsOf(`cat ${printable(line)}`));
  expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
  const [job] = await farm.jobs(runId);
  const page = await fetch(`${farm.url}/runs/${runId}/jobs/${job?.id}/logs?stream=0&from=1000000`, {
    headers: { authorization: `Bearer ${farm.adminToken}` },
  });
  expect(page.status).toBe(200);
  const text = await page.text();
  expect(text.length).toBeLessThan(32_000);
  expect(text).toContain("the line has 258048 more bytes here");
  expect(text).toContain("from=1004096");
  expect((await readLog(farm, { jobId: job?.id ?? 0, stream: "0" })).equals(line)).toBe(true);
  const dir = createTemporaryFolder("windrow-cli-");
  const command = await runWindrow(farm, ["run", "logs", String(runId), "--step", "1"], { cwd: dir });
  expect(command).toMatchObject({ code: 0 });
  expect(command.out.equals(line)).toBe(true);
}, 60_000);

/** 1 GB with a limit of 512 MB, fiftyfold less; WINDROW_FULL_SIZE runs it as it stands. */
const SHARE = process.env.WINDROW_FULL_SIZE === undefined ? 50 : 1;

test("F21: a job whose log goes beyond its limit goes on; where it was cut is marked, and its last 64 KiB are kept", async () => {
  farm = await Farm.start();
  const logBytes = (512 * 1024 * 1024) / SHARE;
  const lines = Math.floor(1_000_000_000 / SHARE / 100);
  const body = { job_settings: { log_bytes: Math.floor(logBytes) } };
  await farm.api("PATCH", "/api/v1/pools/default", { body });
  const bytes = logLines(lines, 100);
  const { runId } = await pushWorkflow(farm, stepsOf(`cat ${printable(bytes)}`, "echo after"));
  expect((await farm.waitRunFinished(runId, 240_000)).conclusion).toBe("success");
  const [job] = await farm.jobs(runId);
  const stored = await readLog(farm, { jobId: job?.id ?? 0, stream: "0" });
  const { streams } = await farm.api<StreamsAnswer>("GET", `/api/v1/jobs/${job?.id}/streams`);
  const cut = Math.floor(logBytes);
  expect(streams.find(({ stream }) => stream === "0")).toMatchObject({
    length_bytes: stored.length,
    sha256: sha256(stored),
    truncated_at: cut,
    produced_bytes: bytes.length,
  });
  expect(stored.subarray(0, cut).equals(bytes.subarray(0, cut))).toBe(true);
  expect(stored.subarray(-65_536).equals(bytes.subarray(-65_536))).toBe(true);
  const between = stored.subarray(cut, -65_536).toString();
  expect(between).toContain("[windrow] The limit of the job's log is reached");
  expect(between).toContain(`[windrow] ${bytes.length - cut - 65_536} bytes were left out here`);
  expect((await readLog(farm, { jobId: job?.id ?? 0, stream: "1" })).toString()).toBe("after\n");
  expect(await checkHistory(farm)).toEqual([]);
}, 300_000);

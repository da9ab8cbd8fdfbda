import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { asAttemptId, asJobId, asLeaseId } from "@windrow/model";
import { createLogger } from "@windrow/service";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { foldJournal } from "./attempt-memory.ts";
import { JOURNAL_BYTES_MAX, openJournal } from "./journal.ts";
import type { AcceptedRecord, JournalRecord } from "./journal-records.ts";

const logger = createLogger({ component: "test", level: "silent" });
const FULL_DISK = fileURLToPath(new URL("../../test/fixtures/journal-on-full-disk.ts", import.meta.url));
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windrow-journal-"));
  path = join(folder, "journal.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const accepted = (name: string): AcceptedRecord => ({
  kind: "accepted",
  attemptId: asAttemptId(name),
  leaseId: asLeaseId(`lease-${name}`),
  fence: "18446744073709551615",
  jobId: asJobId(7),
  attemptNo: 1,
  slotNo: 0,
});

describe("journal", () => {
  it("remembers held attempts after the agent died, without a flush", () => {
    const journal = openJournal(path, logger);
    journal.append(accepted("a"));
    journal.append({ kind: "opened", attemptId: asAttemptId("a"), startedAtMs: 5, startedAtBootMs: 6 });
    journal.append({
      kind: "step_started",
      attemptId: asAttemptId("a"),
      stepNo: 0,
      startedAtMs: 7,
      startedAtBootMs: 8,
    });
    journal.append({ kind: "mask", attemptId: asAttemptId("a"), stepNo: 0, base64: "c2VjcmV0" });
    const memory = openJournal(path, logger).remembered.get(asAttemptId("a"));
    expect(memory?.accepted.fence).toBe("18446744073709551615");
    expect(memory?.opened?.startedAtBootMs).toBe(6);
    expect(memory?.stepsStarted.get(0)?.startedAtMs).toBe(7);
    expect(memory?.masks[0]?.bytes.toString()).toBe("secret");
  });

  it("forgets released attempts and drops their lines when it is opened again", () => {
    const journal = openJournal(path, logger);
    journal.append(accepted("a"));
    journal.append(accepted("b"));
    journal.append({ kind: "released", attemptId: asAttemptId("a") });
    expect([...openJournal(path, logger).remembered.keys()]).toEqual(["b"]);
    expect(readFileSync(path, "utf8")).not.toContain("lease-a");
  });

  it("leaves out a line torn by a crash and keeps the others", () => {
    openJournal(path, logger).append(accepted("a"));
    appendFileSync(path, '{"kind":"released","attem');
    expect(openJournal(path, logger).remembered.size).toBe(1);
  });

  it("is readable by the agent alone", () => {
    openJournal(path, logger);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("shares one flush among callers that overlap", async () => {
    const journal = openJournal(path, logger);
    for (let index = 0; index < 50; index++) journal.append(accepted(`a${index}`));
    await Promise.all(Array.from({ length: 50 }, () => journal.sync()));
    await journal.close();
    expect(openJournal(path, logger).remembered.size).toBe(50);
  });

  it("is written anew when it grows over its limit", () => {
    const journal = openJournal(path, logger);
    journal.append(accepted("kept"));
    const base64 = "x".repeat(100_000);
    for (let index = 0; index < 100; index++) {
      journal.append(accepted("gone"));
      journal.append({ kind: "mask", attemptId: asAttemptId("gone"), stepNo: 0, base64 });
      journal.append({ kind: "released", attemptId: asAttemptId("gone") });
    }
    expect(statSync(path).size).toBeLessThan(JOURNAL_BYTES_MAX);
    expect([...openJournal(path, logger).remembered.keys()]).toEqual(["kept"]);
  });

  it("is read in time that grows with its lines alone", () => {
    const attemptId = asAttemptId("a");
    const parts = Array.from({ length: 100_000 }, (_, index): JournalRecord => {
      const started = { startedAtMs: 1, startedAtBootMs: 1 };
      return { kind: "part_started", attemptId, stepNo: 0, partNo: index + 1, text: "", ...started };
    });
    const beganMs = performance.now();
    const memory = foldJournal([accepted("a"), ...parts]).get(attemptId);
    expect(memory?.parts.size).toBe(100_000);
    expect(performance.now() - beganMs).toBeLessThan(5_000);
  });

  it("lets running jobs go on when the disk is full, and takes no new one", () => {
    const fixture = fileURLToPath(new URL("../../test/fixtures/journal-that-waits.ts", import.meta.url));
    const script = `mount -t tmpfs -o size=2m none ${folder} && exec ${process.execPath} --import tsx ${fixture}`;
    const words = ["--mount", "sh", "-c", `${script} ${path}`];
    const said = execFileSync("unshare", process.getuid?.() === 0 ? words : ["-Ur", ...words], { encoding: "utf8" });
    expect(JSON.parse(said)).toEqual({
      newAttempt: "ENOSPC",
      onDisk: { reserve: false, isWhole: false },
      secretWithoutRoom: "ENOSPC",
      afterRoom: { reserve: true, isWhole: true, attempts: ["a", "c"] },
    });
  });

  it("stays whole on a full disk: a line that does not fit leaves nothing behind", () => {
    const script = `mount -t tmpfs -o size=64k none ${folder} && exec ${process.execPath} --import tsx ${FULL_DISK}`;
    const words = ["--mount", "sh", "-c", `${script} ${path}`];
    const said = execFileSync("unshare", process.getuid?.() === 0 ? words : ["-Ur", ...words], { encoding: "utf8" });
    expect(JSON.parse(said)).toEqual({ refused: "ENOSPC", afterwards: ["a", "b"] });
  });
});

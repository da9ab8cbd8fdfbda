import { describe, expect, test } from "vitest";
import { captureStream, showOnTerminal } from "../../test/capture-output.ts";
import { at, sampleAttempt, sampleJob, sampleRun, sampleStep, sampleWholeRun, T0_MS } from "../../test/samples.ts";
import type { RunMessage } from "../api/follow-run.ts";
import { createStyle } from "../output/terminal.ts";
import { createLineSplitter } from "./line-splitter.ts";
import { createLineTail } from "./line-tail.ts";
import { createPlainLines } from "./plain-lines.ts";
import { renderRun } from "./render-run.ts";
import { renderVerdict } from "./render-verdict.ts";
import { applyMessage, createRunView } from "./run-view.ts";
import { createScreen } from "./screen.ts";

const ATTEMPT = "11111111-1111-4111-8111-111111111111";
const style = createStyle(false);
const nowMs = T0_MS + 65_000;

function log(text: string | Uint8Array, stream = "0", jobId = 100): RunMessage {
  return { name: "log", jobId, attemptId: ATTEMPT, attemptNo: 1, stream, offset: 0, bytes: Buffer.from(text) };
}

const lint = sampleJob({
  id: 99,
  key: "lint",
  name: "lint",
  state: "finished",
  outcome: "succeeded",
  conclusion: "success",
  attempt_count: 1,
  agent: "agent-2",
  started_at: at(0),
  finished_at: at(12),
});
const building = sampleJob({
  name: "build (node 24)",
  state: "running",
  attempt_count: 1,
  agent: "agent-1",
  started_at: at(5),
  attempts: [
    sampleAttempt({
      steps: [
        sampleStep({
          no: 0,
          name: "Checkout",
          state: "finished",
          outcome: "succeeded",
          conclusion: "success",
          finished_at: at(6),
        }),
        sampleStep({ no: 1, name: "npm test", started_at: at(6) }),
      ],
    }),
  ],
});
const failed = sampleJob({
  ...building,
  state: "finished",
  outcome: "failed",
  conclusion: "failure",
  message: "step 2 failed",
  finished_at: at(60),
  attempts: [
    sampleAttempt({
      state: "finished",
      outcome: "failed",
      steps: [
        sampleStep({
          no: 0,
          name: "Checkout",
          state: "finished",
          outcome: "succeeded",
          conclusion: "success",
          finished_at: at(6),
        }),
        sampleStep({
          no: 1,
          name: "npm test",
          state: "finished",
          outcome: "failed",
          conclusion: "failure",
          exit_code: 2,
          started_at: at(6),
          finished_at: at(60),
        }),
      ],
    }),
  ],
});
const queued = sampleJob({ id: 101, name: "build (node 22)", waiting_for: "no free slot in pool default" });
const deploy = sampleJob({ id: 102, key: "deploy", name: "deploy", state: "blocked", waiting_for: "waits for build" });

describe("the picture of a running run", () => {
  test("is a folded tree: states in words, the running step and its last lines, why the others wait", () => {
    const view = createRunView(sampleWholeRun([lint, building, queued, deploy]));
    applyMessage(view, log("one\ntwo\u001b[2J\nthree", "1"));
    applyMessage(view, log("unseen\n", "0"));
    expect(renderRun(view, { nowMs, columns: 100, rowsMax: 30, style })).toEqual([
      "● #12 me/app · CI · main · 3f2a1bc0 · running 1m05s",
      "  Fix the door",
      "",
      "✓ lint                        succeeded     12s",
      "● build (node 24)             running     1m00s  on agent-1",
      "  ● npm test                  running       59s",
      "    │ one",
      "    │ two",
      "    │ three",
      "○ build (node 22)             queued             no free slot in pool default",
      "○ deploy                      waiting            waits for build",
    ]);
  });
  test("never is wider or higher than the terminal", () => {
    const view = createRunView(sampleWholeRun([lint, building, queued, deploy]));
    applyMessage(view, log(`${"x".repeat(500)}\n日本語日本語日本語日本語日本語\n`, "1"));
    for (const rowsMax of [6, 8, 10, 30]) {
      const lines = renderRun(view, { nowMs, columns: 30, rowsMax, style });
      expect(lines.length).toBeLessThanOrEqual(rowsMax);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(30);
    }
  });
  test("counts the jobs that do not fit", () => {
    const many = Array.from({ length: 500 }, (_, index) => sampleJob({ ...lint, id: 1000 + index, name: `t${index}` }));
    const view = createRunView(sampleWholeRun([...many, building, queued]));
    expect(renderRun(view, { nowMs, columns: 100, rowsMax: 12, style })).toEqual([
      "● #12 me/app · CI · main · 3f2a1bc0 · running 1m05s",
      "  Fix the door",
      "",
      "● build (node 24)             running     1m00s  on agent-1",
      "others: ✓ 500 succeeded   ○ 1 queued",
    ]);
  });
  test("says that the connection is lost", () => {
    const view = createRunView(sampleWholeRun([]));
    applyMessage(view, { name: "disconnected", detail: "controller stops", tryNo: 1 });
    expect(renderRun(view, { nowMs, columns: 80, rowsMax: 20, style })[2]).toBe(
      "  connection lost (controller stops), trying again …",
    );
    applyMessage(view, { name: "connected" });
    expect(renderRun(view, { nowMs, columns: 80, rowsMax: 20, style }).join()).not.toContain("lost");
  });
  test("shows only the jobs of the run's latest attempt", () => {
    const view = createRunView(sampleWholeRun([lint, failed]));
    applyMessage(view, { name: "run", data: sampleRun({ attempt: 2 }) });
    applyMessage(view, { name: "job", data: failed });
    applyMessage(view, { name: "job", data: sampleJob({ id: 200, run_attempt: 2, name: "again" }) });
    expect([...view.jobs.values()].map((job) => job.name)).toEqual(["again"]);
  });
});

test("the verdict shows every job, and of a failed one its failing step's last lines", () => {
  const view = createRunView(sampleWholeRun([lint, building]));
  applyMessage(view, log("ok\n", "0"));
  applyMessage(view, log("1 of 3 tests\nAssertionError: 1 != 2\n", "1"));
  applyMessage(view, { name: "job", data: failed });
  applyMessage(view, {
    name: "end",
    data: sampleRun({ state: "finished", conclusion: "failure", finished_at: at(61) }),
  });
  expect(renderVerdict(view, { nowMs, style })).toEqual([
    "✗ #12 me/app · CI · main · 3f2a1bc0 · failed 1m01s",
    "  Fix the door",
    "",
    "✓ lint                        succeeded     12s",
    "✗ build (node 24)             failed        55s  step 2 failed",
    "",
    "build (node 24):",
    "  ✗ npm test                  failed        54s  exit code 2",
    "    │ 1 of 3 tests",
    "    │ AssertionError: 1 != 2",
    "",
    "✗ run #12 failed in 1m01s",
    "  http://farm/runs/12",
    "  whole logs: windrow run logs 12 --failed",
  ]);
});

test("jobs of a called workflow stand below the job that calls it, whose end needs no words", () => {
  const end = { state: "finished", outcome: "succeeded", conclusion: "success" } as const;
  const call = sampleJob({ ...end, id: 1, name: "build", kind: "call", reason: "call" });
  const after = sampleJob({ ...end, id: 2, name: "publish" });
  const inner = sampleJob({ ...end, id: 3, name: "build / unit", parent_job_id: 1 });
  const lines = renderVerdict(createRunView(sampleWholeRun([call, after, inner])), { nowMs, style });
  expect(lines.filter((line) => line.includes("succeeded")).map((line) => line.replace(/ +/g, " ").trim())).toEqual([
    "✓ build succeeded",
    "✓ build / unit succeeded",
    "✓ publish succeeded",
  ]);
});

test("a broken workflow file is shown with its place and a hint", () => {
  const run = sampleWholeRun([], {
    state: "finished",
    conclusion: "failure",
    diagnostics: [
      {
        severity: "error",
        code: "unknown_key",
        message: 'unknown key "step"',
        hint: "Did you mean steps?",
        file: "ci.yml",
        line: 4,
        column: 7,
      },
    ],
  });
  const lines = renderVerdict(createRunView(run), { nowMs, style });
  expect(lines.slice(3, 5)).toEqual(['ci.yml:4:7: error: unknown key "step"', "  hint: Did you mean steps?"]);
});

test("off a terminal each change is told once, and log lines stand under their job's name byte by byte", () => {
  const view = createRunView(sampleWholeRun([queued]));
  const lines = createPlainLines(view);
  const told: Buffer[] = [];
  const push = (message: RunMessage) => {
    applyMessage(view, message);
    for (const line of lines.push(message, nowMs)) told.push(Buffer.from(line));
  };
  push({ name: "run", data: sampleRun() });
  push({ name: "job", data: sampleJob({ ...building, state: "leased", attempts: [] }) });
  push({ name: "job", data: building });
  push({ name: "job", data: building });
  push(log("half", "1"));
  push(log(Buffer.from([0x20, 0xff, 0x0a]), "1"));
  push(log("no end", "1"));
  push({ name: "job", data: failed });
  push({ name: "job", data: failed });
  push({ name: "end", data: sampleRun({ state: "finished", conclusion: "failure", finished_at: at(61) }) });
  expect(Buffer.concat(told).toString("latin1").split("\n")).toEqual([
    "run #12: running",
    "job build (node 24): starting on agent-1",
    "job build (node 24): running on agent-1",
    'job build (node 24): step 1 "Checkout" started',
    'job build (node 24): step 1 "Checkout" succeeded in 6s',
    'job build (node 24): step 2 "npm test" started',
    "build (node 24) | half \u00ff",
    "build (node 24) | no end",
    'job build (node 24): step 2 "npm test" failed in 54s: exit code 2',
    "job build (node 24): failed in 55s: step 2 failed",
    "run #12: failed in 1m01s",
    "",
  ]);
});

describe("the last lines of a stream", () => {
  const tail = (...chunks: (string | Uint8Array)[]) => {
    const lines = createLineTail();
    for (const chunk of chunks) lines.push(Buffer.from(chunk));
    return lines.last(3);
  };
  test("are kept over cuts in characters and lines", () => {
    expect(tail("a\nb", "c\n", Buffer.from("é").subarray(0, 1), Buffer.from("é").subarray(1), "\n")).toEqual([
      "a",
      "bc",
      "é",
    ]);
  });
  test("are bounded, however much comes", () => {
    expect(tail(`${"x\n".repeat(2_000_000)}end\n`)).toEqual(["x", "x", "end"]);
    expect(tail("y".repeat(5_000_000))[0]?.length).toBe(4096);
  });
});

describe("lines of bytes", () => {
  test("come whole wherever the bytes are cut", () => {
    const bytes = Buffer.from([0x61, 0x0a, 0x0a, 0xff, 0x00, 0x0d, 0x0a, 0x62]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const splitter = createLineSplitter();
      const lines = [
        ...splitter.push(bytes.subarray(0, cut)),
        ...splitter.push(bytes.subarray(cut)),
        ...splitter.end(),
      ];
      expect(lines.map((line) => [...line])).toEqual([[0x61, 0x0a], [0x0a], [0xff, 0x00, 0x0d, 0x0a], [0x62, 0x0a]]);
    }
  });
  test("of endless length come in pieces", () => {
    const splitter = createLineSplitter();
    const piece = Buffer.alloc(300_000, "x");
    const lines = Array.from({ length: 10 }, () => splitter.push(piece)).flat();
    expect(lines.length).toBeGreaterThan(1);
  });
});

describe("the screen", () => {
  test("replaces its lines in place and leaves nothing of them when cleared", () => {
    const stream = captureStream({ columns: 40, rows: 10 });
    stream.write("$ windrow run watch\n");
    const screen = createScreen(stream);
    screen.draw(["one", "two two", "three"]);
    screen.draw(["1", "2"]);
    expect(showOnTerminal(stream.text())).toEqual(["$ windrow run watch", "1", "2", ""]);
    screen.clear();
    stream.write("done\n");
    expect(showOnTerminal(stream.text())).toEqual(["$ windrow run watch", "done", ""]);
  });
  test("counts the rows an old line takes after the window became narrower", () => {
    const stream = captureStream({ columns: 40, rows: 10 });
    const screen = createScreen(stream);
    screen.draw(["x".repeat(39), "y"]);
    Object.assign(stream, { columns: 20 });
    screen.draw(["z"]);
    expect(stream.text()).toContain("\u001b[3A");
  });
});

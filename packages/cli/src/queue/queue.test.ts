import type { QueueEntry } from "@windrow/contract";
import { describe, expect, it } from "vitest";
import { createStyle } from "../output/terminal.ts";
import { formatEntry } from "./explain-jobs.ts";
import { formatQueue } from "./list-queue.ts";

const NOW_MS = Date.parse("2026-01-01T00:00:00Z");
const at = (seconds: number): string => new Date(NOW_MS + seconds * 1_000).toISOString();
const style = createStyle(false);

const entry = (change: Partial<QueueEntry> = {}): QueueEntry => ({
  job_id: 42,
  run_id: 14,
  repository: "me/app",
  workflow_name: "ci",
  key: "test",
  name: "test",
  state: "queued",
  labels: ["linux"],
  pools: ["default", "node"],
  priority: 0,
  is_on_top: false,
  waiting_since: at(-75),
  reason: { code: "all_busy", sentence: "all 8 slots are busy", unblock: "a job has to end", is_stuck: false },
  position: { place: 5, of: 7 },
  estimated_start: { earliest_at: at(10), likely_at: at(16), latest_at: at(31) },
  no_estimate: null,
  url: "http://farm/runs/14/jobs/42/logs",
  ...change,
});
const stuck: Partial<QueueEntry> = {
  job_id: 3,
  is_on_top: true,
  reason: {
    code: "no_capacity_ever",
    sentence: "no agent has the label gpu: 0 of 1",
    unblock: "join one",
    is_stuck: true,
  },
  position: null,
  estimated_start: null,
  no_estimate: "it starts only when somebody acts",
  pools: [],
};

describe("windrow queue list", () => {
  const lines = (columns?: number) => formatQueue([entry(), entry(stuck)], { nowMs: NOW_MS, style, columns });

  it("has a line for each job with its place, likely start and reason", () => {
    expect(lines()).toEqual([
      "JOB  RUN  REPOSITORY  NAME  WAITS   PLACE   START  REASON",
      "42   #14  me/app      test  1m15s  5 of 7  in 16s  all_busy          all 8 slots are busy",
      "3↑   #14  me/app      test  1m15s                  no_capacity_ever  no agent has the label gpu: 0 of 1",
    ]);
  });

  it("keeps job, name, waiting time and code on a narrow terminal", () => {
    for (const line of lines(60)) expect(line.length).toBeLessThanOrEqual(60);
    expect(lines(60)[2]).toMatch(/^3↑ .*test.*no_capacity_ever/);
  });
});

describe("windrow queue why", () => {
  const why = (change?: Partial<QueueEntry>) => formatEntry(entry(change), { nowMs: NOW_MS, style });

  it("says which job, why, what would let it start, its place and its start with the interval", () => {
    expect(why()).toEqual([
      "job 42 test · run #14 · me/app · ci",
      "",
      "  why      all_busy: all 8 slots are busy",
      "  unblock  a job has to end",
      "  place    5 of 7",
      "  start    in 16s (8 of 10 such jobs: in 10s to 31s)",
      "  labels   linux",
      "  pools    default, node",
      "  waits    1m15s",
    ]);
  });

  it("says why nothing is known of the start, and nothing of it where only a person helps", () => {
    expect(why({ estimated_start: null, no_estimate: "too little is known" })).toContain(
      "  start    not known: too little is known",
    );
    expect(why(stuck).join("\n")).not.toContain("start  ");
  });

  it("says that a job does not wait", () => {
    expect(why({ state: "running", reason: null }).at(-1)).toBe("  It does not wait: it is running.");
  });
});

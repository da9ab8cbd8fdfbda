import { expect, test } from "vitest";
import { formatLogLine } from "./format-log-line.ts";

const entry = { level: "info", time: "2030-01-01T10:20:30.456Z", component: "agent", pid: 7 };

test("a line of the log for people has time, level, component, message and the other fields", () => {
  const line = JSON.stringify({
    ...entry,
    address: "127.0.0.1:7071",
    sessionNo: 3,
    why: "no slot",
    msg: "session opened",
  });
  expect(formatLogLine(line)).toBe(
    '10:20:30.456 INFO  agent: session opened address=127.0.0.1:7071 sessionNo=3 why="no slot"\n',
  );
});

test("an error's stack follows on lines of its own, a warning's does not", () => {
  const err = { type: "Error", message: "it broke", stack: "Error: it broke\n    at here (a.ts:1:2)" };
  expect(formatLogLine(JSON.stringify({ ...entry, level: "error", err, msg: "no" }))).toBe(
    '10:20:30.456 ERROR agent: no err="it broke"\n    at here (a.ts:1:2)\n',
  );
  expect(formatLogLine(JSON.stringify({ ...entry, level: "warn", err, msg: "no" }))).toBe(
    '10:20:30.456 WARN  agent: no err="it broke"\n',
  );
});

test("control characters from elsewhere do not reach the terminal, and what is no JSON is left as it is", () => {
  expect(formatLogLine(JSON.stringify({ ...entry, msg: "a\u001b[2Jb" }))).toContain("a\ufffd[2Jb");
  expect(formatLogLine(JSON.stringify({ ...entry, x: "\u009b2J", msg: "" }))).not.toContain("\u009b");
  expect(formatLogLine("plain\n")).toBe("plain\n");
});

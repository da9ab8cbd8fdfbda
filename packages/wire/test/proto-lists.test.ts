import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ANNOTATION_LEVELS, CONCLUSIONS, OUTCOMES, TRUSTS } from "@windrow/model";
import { expect, test } from "vitest";
import { DECLINE_REASONS } from "../src/agent-messages.ts";
import { KICK_REASONS } from "../src/bus-messages.ts";
import { CONTAINMENTS, REPORTED_STEP_STATES } from "../src/codec/attempt-messages.ts";
import { PROTO_FOLDER } from "../src/codec/proto-message.ts";
import {
  EVENT_INLINE_BYTES_MAX,
  FETCH_BYTES_MAX,
  LABEL_CHARS_MAX,
  LABELS_MAX,
  LOG_CHUNK_BYTES_MAX,
  LOG_WINDOW_BYTES_MAX,
  UPGRADE_FILES_MAX,
} from "../src/limits.ts";

const read = (file: string) => readFileSync(join(PROTO_FOLDER, "windrow/v1", file), "utf8");
const proto = { agent: read("agent.proto"), plan: read("plan.proto"), bus: read("bus.proto") };

/** The words of the comment that stands behind a field, or above it when it begins with `behind`. */
function listedWords(text: string, message: string, field: string): string[] {
  const body = text.match(new RegExp(`message ${message} \\{([\\s\\S]*?)\\n\\}`))?.[1] ?? "";
  const behind = body.match(new RegExp(` ${field} = \\d+; // (.+)`))?.[1];
  const above = body.match(new RegExp(`// .*: (.+)\\.\\n\\s+\\w+ ${field} = `))?.[1];
  return (behind ?? above ?? "").split(/,\s*/);
}

// When one of these fails, a list in the specification and a list in the code differ: change both.
test.each([
  ["StepReport.state", proto.agent, REPORTED_STEP_STATES],
  ["StepReport.outcome", proto.agent, OUTCOMES],
  ["StepReport.conclusion", proto.agent, CONCLUSIONS],
  ["Annotation.level", proto.agent, ANNOTATION_LEVELS],
  ["FinishAttemptRequest.outcome", proto.agent, OUTCOMES],
  ["Receipt.containment", proto.agent, CONTAINMENTS],
  ["OfferAnswer.decline_reason", proto.agent, DECLINE_REASONS],
  ["Plan.trust", proto.plan, TRUSTS],
  ["NeedResult.result", proto.plan, CONCLUSIONS],
  ["Kick.reason", proto.bus, KICK_REASONS],
])("%s lists the words that the codec takes", (name, text, words) => {
  const [message = "", field = ""] = name.split(".");
  expect(listedWords(text, message, field)).toEqual([...words]);
});

test("the limits named in the specification are the limits of the code", () => {
  expect(proto.agent).toContain(`At most ${LABELS_MAX} (LABELS_MAX) of at most ${LABEL_CHARS_MAX} characters`);
  expect(proto.agent).toContain(`At most ${LOG_CHUNK_BYTES_MAX / 1024} KiB (LOG_CHUNK_BYTES_MAX)`);
  expect(proto.agent).toContain(`${LOG_WINDOW_BYTES_MAX / 1024 / 1024} MiB (LOG_WINDOW_BYTES_MAX)`);
  expect(proto.agent).toContain(`at most ${FETCH_BYTES_MAX / 1024 / 1024} MiB (FETCH_BYTES_MAX)`);
  expect(proto.agent).toContain(`at most ${UPGRADE_FILES_MAX} (UPGRADE_FILES_MAX)`);
  expect(proto.agent).toContain(`when it is at most ${EVENT_INLINE_BYTES_MAX / 1024} KiB`);
});

test("nothing in a plan is bytes: whatever it says is typed, and documents stand behind their digests", () => {
  const fields = proto.plan.match(/^ {2,}(?:optional |repeated )?\w+ \w+ = \d+;/gm) ?? [];
  expect(fields.length).toBeGreaterThan(80);
  expect(fields.filter((field) => /^\s+(?:optional |repeated )?bytes /.test(field))).toEqual([]);
});

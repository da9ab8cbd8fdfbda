import { expect, test } from "vitest";
import { createSseParser, SSE_EVENT_CHARACTERS_MAX, SseEventTooLarge } from "./sse-parser.ts";

const STREAM =
  ': hello\n\nid: 1\nevent: run\ndata: {"é":1}\n\nevent:job\r\ndata: a\r\ndata:  b\r\n\r\ndata\rdata: 日本\r\r: keep\n\nid\ndata: x\n\n';
const EVENTS = [
  { event: "run", data: '{"é":1}', id: "1" },
  { event: "job", data: "a\n b", id: "1" },
  { event: "message", data: "\n日本", id: "1" },
  { event: "message", data: "x", id: "" },
];

test("events come out whole", () => expect(createSseParser().push(Buffer.from(STREAM))).toEqual(EVENTS));

test("events are the same wherever the bytes are cut in two", () => {
  const bytes = Buffer.from(STREAM);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const parser = createSseParser();
    expect([...parser.push(bytes.subarray(0, cut)), ...parser.push(bytes.subarray(cut))]).toEqual(EVENTS);
  }
});

test("events are the same when every byte comes alone", () => {
  const parser = createSseParser();
  expect([...Buffer.from(STREAM)].flatMap((byte) => parser.push(Uint8Array.of(byte)))).toEqual(EVENTS);
});

test("an event that was not finished is not given out", () => {
  expect(createSseParser().push(Buffer.from("data: half\n"))).toEqual([]);
});

test("an event beyond the limit is refused instead of kept", () => {
  const parser = createSseParser();
  const piece = Buffer.from(`data: ${"x".repeat(1024 * 1024)}\n`);
  const pushAll = () => {
    for (let sent = 0; sent <= SSE_EVENT_CHARACTERS_MAX + piece.length; sent += piece.length) parser.push(piece);
  };
  expect(pushAll).toThrow(SseEventTooLarge);
});

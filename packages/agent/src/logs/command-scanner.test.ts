import { describe, expect, it } from "vitest";
import { COMMAND_LINE_BYTES_MAX, type CommandLine, createCommandScanner } from "./command-scanner.ts";

function scan(text: string, pieceBytes: number): CommandLine[] {
  const found: CommandLine[] = [];
  const scanner = createCommandScanner((command) => found.push(command));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) scanner.push(bytes.subarray(at, at + pieceBytes));
  scanner.end();
  expect(scanner.safeBytes).toBe(bytes.length);
  return found;
}

describe("command scanner", () => {
  const cases: { name: string; text: string; found: CommandLine[] }[] = [
    {
      name: "finds a command at the start of a line",
      text: "a\n::group::x\nb",
      found: [{ rawOffset: 2, line: "::group::x" }],
    },
    { name: "skips blanks before a command", text: "  \t::debug::x\n", found: [{ rawOffset: 3, line: "::debug::x" }] },
    { name: "takes a last line without a newline", text: "::error::x", found: [{ rawOffset: 0, line: "::error::x" }] },
    { name: "drops a carriage return", text: "::error::x\r\n", found: [{ rawOffset: 0, line: "::error::x" }] },
    { name: "leaves colons inside a line alone", text: "std::vector\n:x\n:\nfoo ::group::\n", found: [] },
    {
      name: "finds commands on neighbouring lines",
      text: "::a::\n::b::\n",
      found: [
        { rawOffset: 0, line: "::a::" },
        { rawOffset: 6, line: "::b::" },
      ],
    },
  ];
  for (const { name, text, found } of cases) {
    it(name, () => {
      for (const pieceBytes of [1, 2, 3, 100])
        expect(scan(text, pieceBytes), `in pieces of ${pieceBytes}`).toEqual(found);
    });
  }

  it("holds back an incomplete command until it is decided", () => {
    const found: CommandLine[] = [];
    const scanner = createCommandScanner((command) => found.push(command));
    scanner.push(Buffer.from("text\n::add-mask::se"));
    expect(scanner.safeBytes).toBe(5);
    scanner.push(Buffer.from("cret\nmore"));
    expect(found).toEqual([{ rawOffset: 5, line: "::add-mask::secret" }]);
    expect(scanner.safeBytes).toBe(28);
  });

  it("takes a line over the limit for ordinary output", () => {
    expect(scan(`::${"x".repeat(COMMAND_LINE_BYTES_MAX)}\n::group::y\n`, 4096)).toHaveLength(1);
  });
});

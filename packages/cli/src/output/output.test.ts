import { describe, expect, test } from "vitest";
import { captureStream } from "../../test/capture-output.ts";
import { formatAge, formatDuration, parseDuration } from "./duration.ts";
import { type Fact, formatFacts } from "./facts.ts";
import { suggest } from "./suggest.ts";
import { formatTable } from "./table.ts";
import { createStyle, createTerminal } from "./terminal.ts";
import { createTerminalFilter } from "./terminal-filter.ts";
import { truncate } from "./truncate.ts";

describe("durations", () => {
  test.each([
    [0, "0s"],
    [59_999, "59s"],
    [60_000, "1m00s"],
    [65_000, "1m05s"],
    [3_600_000, "1h00m"],
    [93_600_000, "1d02h"],
    [-5, "0s"],
  ])("%d ms reads %s", (durationMs, text) => expect(formatDuration(durationMs)).toBe(text));

  test.each([
    [0, "just now"],
    [30_000, "30s ago"],
    [120_000, "2m ago"],
    [7_200_000, "2h ago"],
    [259_200_000, "3d ago"],
  ])("%d ms ago reads %s", (agoMs, text) => expect(formatAge(1_000_000, 1_000_000 + agoMs)).toBe(text));

  test.each([
    ["90s", 90_000],
    ["12h", 43_200_000],
    ["500ms", 500],
    ["1.5h", undefined],
    ["soon", undefined],
    ["", undefined],
  ])("%j means %s ms", (text, durationMs) => expect(parseDuration(text)).toBe(durationMs));
});

test.each([
  ["tokn", "token"],
  ["ulr", "url"],
  ["repo", "repo"],
  ["zzzzzz", undefined],
])("of url, token and repo, %j is taken for %s", (word, near) =>
  expect(suggest(word, ["url", "token", "repo"])).toBe(near),
);

describe("tables", () => {
  const columns = [{ title: "NAME" }, { title: "N", align: "right" as const }, { title: "TITLE", shrinks: true }];
  test("are aligned by what a terminal shows, not by characters", () => {
    expect(
      formatTable(columns, [
        ["日本", "7", "one"],
        ["abc", "12", "two"],
      ]),
    ).toEqual(["NAME   N  TITLE", "日本   7  one", "abc   12  two"]);
  });
  test("cut the column that shrinks to the terminal's width and leave the others", () => {
    expect(formatTable(columns, [["abc", "12", "a very long title indeed"]], { columnsMax: 24 })).toEqual([
      "NAME   N  TITLE",
      "abc   12  a very long t…",
    ]);
  });
});

test("of several columns that shrink the widest gives way first, and one keeps its least while others can go", () => {
  const columns = [
    { title: "A", shrinks: true },
    { title: "B", dropOrder: 1 },
    { title: "C", shrinks: true, widthMin: 14 },
  ];
  const row = ["a".repeat(14), "bbbb", "c".repeat(20)];
  const lineAt = (columnsMax: number) => formatTable(columns, [row], { columnsMax })[1];
  expect([42, 38, 36, 30, 26, 23].map(lineAt)).toEqual([
    `${"a".repeat(14)}  bbbb  ${"c".repeat(20)}`,
    `${"a".repeat(14)}  bbbb  ${"c".repeat(15)}…`,
    `${"a".repeat(14)}  bbbb  ${"c".repeat(13)}…`,
    `${"a".repeat(14)}  ${"c".repeat(13)}…`,
    `${"a".repeat(9)}…  ${"c".repeat(13)}…`,
    `${"a".repeat(9)}…  ${"c".repeat(10)}…`,
  ]);
});

test("facts go on below themselves on a terminal, and stay on one line elsewhere", () => {
  const facts: Fact[] = [
    ["why", "all slots of the agents that could run it are busy"],
    ["gone", null],
    ["place", "1 of 2"],
  ];
  const look = { nameColumns: 5, style: (_name: unknown, text: string) => text };
  expect(formatFacts(facts, { ...look, columns: 44 })).toEqual([
    "  why    all slots of the agents that could",
    "         run it are busy",
    "  place  1 of 2",
  ]);
  expect(formatFacts(facts, { ...look, columns: undefined })[0]).toBe(
    "  why    all slots of the agents that could run it are busy",
  );
});

test("a table leaves out what matters least where cutting is not enough", () => {
  const columns = [
    { title: "A" },
    { title: "B", dropOrder: 2 },
    { title: "C", dropOrder: 1 },
    { title: "D", shrinks: true },
  ];
  const row = ["aaaa", "bbbbbb", "cccccc", "dddddddddddddddd"];
  const lineAt = (columnsMax: number) => formatTable(columns, [row], { columnsMax })[1];
  expect([40, 38, 32, 30, 24, 17, 3].map(lineAt)).toEqual([
    "aaaa  bbbbbb  cccccc  dddddddddddddddd",
    "aaaa  bbbbbb  cccccc  dddddddddddddddd",
    "aaaa  bbbbbb  cccccc  ddddddddd…",
    "aaaa  bbbbbb  dddddddddddddddd",
    "aaaa  bbbbbb  ddddddddd…",
    "aaaa  dddddddddd…",
    "aaaa  ddddddddd…",
  ]);
});

describe("truncate", () => {
  test("counts wide characters as two and closes colours", () => {
    expect(truncate("日本語", 5)).toBe("日本…");
    expect(truncate("\u001b[31mabcdef\u001b[39m", 4)).toBe("\u001b[31mabc…\u001b[0m");
    expect(truncate("\u001b[31mabc\u001b[39m", 3)).toBe("\u001b[31mabc\u001b[39m");
    expect(truncate("abc", 0)).toBe("");
  });
});

describe("colour", () => {
  const isColoured = (environment: Record<string, string>, isTty: boolean) => {
    const out = captureStream(isTty ? { columns: 80, rows: 24 } : undefined);
    return createTerminal({ out, err: out, environment }).outStyle("red", "x") !== "x";
  };
  test.each([
    ["a terminal", {}, true, true],
    ["a pipe", {}, false, false],
    ["a terminal with NO_COLOR", { NO_COLOR: "1" }, true, false],
    ["a pipe with CLICOLOR_FORCE", { CLICOLOR_FORCE: "1" }, false, true],
    ["a pipe with FORCE_COLOR=0", { FORCE_COLOR: "0" }, false, false],
    ["NO_COLOR and FORCE_COLOR", { NO_COLOR: "1", FORCE_COLOR: "1" }, true, false],
    ["a dumb terminal", { TERM: "dumb" }, true, false],
  ])("on %s", (_name, environment, isTty, expected) => expect(isColoured(environment, isTty)).toBe(expected));
  test("off leaves the text as it is", () => expect(createStyle(false)(["bold", "red"], "x")).toBe("x"));
});

describe("what a job writes, shown on a terminal", () => {
  const ESC = "\u001b";
  const cases: [name: string, given: string, shown: string][] = [
    ["text, tabs and line ends stay", "a\tb\r\nc\n", "a\tb\nc\n"],
    ["colours stay and end with their line", `${ESC}[1;31mred\nnext`, `${ESC}[1;31mred${ESC}[0m\nnext`],
    ["a colour that was closed is not closed again", `${ESC}[31mred${ESC}[0m\n`, `${ESC}[31mred${ESC}[0m\n`],
    ["the cursor is not moved", `a${ESC}[2J${ESC}[1;1Hb`, "ab"],
    ["the window is not renamed", `a${ESC}]0;title\u0007b${ESC}]0;t${ESC}\\c`, "abc"],
    ["the clipboard is not written", `${ESC}]52;c;aGk=\u0007x`, "x"],
    ["an unfinished title hides one line at most", `${ESC}]0;title\nnext\n`, "\nnext\n"],
    ["nothing is asked of the terminal", `${ESC}[6n${ESC}[c${ESC}P$qm${ESC}\\x`, "x"],
    ["private modes are dropped", `${ESC}[?1049h${ESC}[?25lx`, "x"],
    ["one-byte controls are dropped", "a\u009b31mb\u0090x\u009cc\u0007\b\u0000d", `a${ESC}[31mbcd`],
    ["character sets and resets are dropped", `${ESC}(0x${ESC}c${ESC}7y`, "xy"],
    ["a progress bar becomes lines", "10%\r20%\r100%\r\n", "10%\n20%\n100%\n"],
    ["text does not run backwards", "a\u202eb\u2066c", "abc"],
    ["a line end within a sequence is kept", `${ESC}[31\nx`, "\nx"],
    ["other scripts and emoji stay", "été 日本 🎉", "été 日本 🎉"],
  ];
  test.each(cases)("%s", (_name, given, shown) => expect(createTerminalFilter().push(given)).toBe(shown));
  test.each(cases)("%s, wherever it is cut", (_name, given, shown) => {
    for (let cut = 0; cut <= given.length; cut++) {
      // a cut within a surrogate pair cannot come from a decoder
      if (/[\ud800-\udbff]$/.test(given.slice(0, cut))) continue;
      const filter = createTerminalFilter();
      expect(filter.push(given.slice(0, cut)) + filter.push(given.slice(cut))).toBe(shown);
    }
  });
  test("a sequence without end costs no memory and lets nothing through", () => {
    expect(createTerminalFilter().push(`${ESC}[${"1;".repeat(1_000_000)}mx`)).toBe("x");
  });
});

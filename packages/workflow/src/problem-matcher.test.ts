import { expect, test } from "vitest";
import { parseProblemMatchers, startMatcher } from "./problem-matcher.ts";

const TSC = {
  owner: "tsc",
  pattern: [
    {
      regexp: "^(.+)\\((\\d+),(\\d+)\\): (error|warning) (TS\\d+): (.*)$",
      file: 1,
      line: 2,
      column: 3,
      severity: 4,
      code: 5,
      message: 6,
    },
  ],
};
const ESLINT = {
  owner: "eslint",
  pattern: [
    { regexp: "^(/.+)$", file: 1 },
    {
      regexp: "^\\s+(\\d+):(\\d+)\\s+(error|warning)\\s+(.*?)\\s\\s+(.*)$",
      line: 1,
      column: 2,
      severity: 3,
      message: 4,
      code: 5,
      loop: true,
    },
  ],
};

function run(matcher: object, lines: readonly string[]) {
  const read = parseProblemMatchers(JSON.stringify({ problemMatcher: [matcher] }));
  if (read.kind === "problem") throw new Error(read.why);
  const started = read.matchers.map(startMatcher);
  return lines.flatMap((line) => started.flatMap((one) => one.take(line) ?? []));
}

test("a matcher of one line finds file, place, level and words", () => {
  expect(run(TSC, ["compiling", "src/a.ts(3,7): error TS2322: Not a number.", "done"])).toEqual([
    { level: "error", message: "Not a number.", title: "TS2322", file: "src/a.ts", line: 3, column: 7 },
  ]);
});

test("a matcher of several lines loops over the last until it does not match", () => {
  const lines = [
    "/w/a.js",
    "  1:2  error  Bad thing  no-bad",
    "  3:4  warning  Meh  no-meh",
    "",
    "  5:6  error  Lost  x",
  ];
  expect(run(ESLINT, lines)).toEqual([
    { level: "error", message: "Bad thing", title: "no-bad", file: "/w/a.js", line: 1, column: 2 },
    { level: "warning", message: "Meh", title: "no-meh", file: "/w/a.js", line: 3, column: 4 },
  ]);
});

test("the matcher's severity holds where the line names none", () => {
  const matcher = { owner: "w", severity: "warning", pattern: [{ regexp: "^W (.*)$", message: 1 }] };
  expect(run(matcher, ["W hot"])).toEqual([{ level: "warning", message: "hot" }]);
});

test.each<[text: string, words: string]>([
  ["{", "not JSON"],
  ["[]", "problemMatcher"],
  ['{"problemMatcher":[{"pattern":[]}]}', "owner"],
  ['{"problemMatcher":[{"owner":"x","pattern":[]}]}', "no 'pattern'"],
  ['{"problemMatcher":[{"owner":"x","pattern":[{"regexp":"("}]}]}', "no regular expression"],
  ['{"problemMatcher":[{"owner":"x","pattern":[{"regexp":"a"}]}]}', "'message'"],
  ['{"problemMatcher":[{"owner":"x","pattern":[{"regexp":"a","message":0,"loop":true}]}]}', "may loop"],
])("file %j is refused", (text, words) => {
  expect(parseProblemMatchers(text)).toEqual({ kind: "problem", why: expect.stringContaining(words) });
});

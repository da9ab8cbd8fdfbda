import { expect, test } from "vitest";
import { parseEnvironmentFile, parsePathFile } from "./environment-file.ts";
import { shellArgv, shellExtension } from "./shell-argv.ts";
import { parseWorkflowCommand } from "./workflow-command.ts";

test.each<[text: string, entries: [string, string][]]>([
  ["", []],
  [
    "A=1\nB=2\n",
    [
      ["A", "1"],
      ["B", "2"],
    ],
  ],
  ["A=1", [["A", "1"]]],
  ["A=\n", [["A", ""]]],
  [
    "A=x=y\n\n\nB=<<\n",
    [
      ["A", "x=y"],
      ["B", "<<"],
    ],
  ],
  [
    "A<<END\none\n\ntwo=2\nEND\nB=3\n",
    [
      ["A", "one\n\ntwo=2"],
      ["B", "3"],
    ],
  ],
  ["A<<END\nEND\n", [["A", ""]]],
  ["A<<END\nEND", [["A", ""]]],
  ["A<<E=F\nx\nE=F\n", [["A", "x"]]],
  ["A<<END\r\none\r\ntwo\r\nEND\r\n", [["A", "one\r\ntwo"]]],
  ["\uFEFFA=1\r\n", [["A", "1"]]],
])("file %j", (text, entries) => {
  const read = parseEnvironmentFile(text, "output");
  expect(read.kind === "entries" ? read.entries.map((one) => [one.name, one.value]) : read).toEqual(entries);
});

test.each<[text: string, line: number, words: string]>([
  ["A=1\nnonsense\n", 2, "expected name=value"],
  ["=1\n", 1, "name is empty"],
  ["A<<\nx\n", 1, "must not be empty"],
  ["<<END\nx\nEND\n", 1, "must not be empty"],
  ["A=1\nB<<END\nx\n", 2, "delimiter 'END'"],
  ["B<<END\nx", 1, "delimiter 'END'"],
])("file %j is refused with its line", (text, line, words) => {
  expect(parseEnvironmentFile(text, "env")).toEqual({ kind: "error", line, message: expect.stringContaining(words) });
});

test("NODE_OPTIONS is left out of the variables of later steps, not of outputs", () => {
  const text = "A=1\nnode_options=--inspect\n";
  expect(parseEnvironmentFile(text, "env")).toEqual({
    kind: "entries",
    entries: [{ name: "A", value: "1", line: 1 }],
    blocked: [{ name: "node_options", value: "--inspect", line: 2 }],
  });
  expect(parseEnvironmentFile(text, "output")).toMatchObject({ entries: [{}, {}], blocked: [] });
});

test("the path file has one folder a line", () => {
  expect(parsePathFile("/a b\n\n/c\r\n/d")).toEqual(["/a b", "/c", "/d"]);
});

test.each<[shell: string | undefined, hasBash: boolean, argv: string[] | undefined]>([
  [undefined, true, ["bash", "-e", "/s.sh"]],
  [undefined, false, ["sh", "-e", "/s.sh"]],
  ["bash", true, ["bash", "--noprofile", "--norc", "-eo", "pipefail", "/s.sh"]],
  ["sh", true, ["sh", "-e", "/s.sh"]],
  ["python", true, ["python", "/s.sh"]],
  ["pwsh", true, ["pwsh", "-command", ". '/s.sh'"]],
  ["perl {0}", true, ["perl", "/s.sh"]],
  ['env "A=x y" bash -c "source {0}"', true, ["env", "A=x y", "bash", "-c", "source /s.sh"]],
  ["fishy", true, undefined],
])("shell %s", (shell, hasBash, argv) => {
  expect(shellArgv(shell, "/s.sh", { hasBash })?.argv).toEqual(argv);
});

test("scripts have the extension their shell wants", () => {
  expect([undefined, "python", "pwsh", "pwsh -NoLogo {0}", "perl {0}"].map(shellExtension)).toEqual([
    ".sh",
    ".py",
    ".ps1",
    ".ps1",
    "",
  ]);
});

test.each<[line: string, command: object | undefined]>([
  ["plain", undefined],
  ["a ::error::x", undefined],
  ["::unknown::x", undefined],
  ["::error", undefined],
  ["::error::broken%0Athing 100%25", { kind: "error", message: "broken\nthing 100%", place: {} }],
  [
    "  ::Warning file=a%2Cb.js,line=3,endLine=4,col=5,endColumn=x,title=T%3A1::m%2C\r\n",
    { kind: "warning", message: "m%2C", place: { file: "a,b.js", line: 3, endLine: 4, column: 5, title: "T:1" } },
  ],
  ["::group::My group", { kind: "group", title: "My group" }],
  ["::endgroup::", { kind: "endgroup" }],
  ["::debug::d", { kind: "debug", message: "d" }],
  ["::add-mask::s3cret::", { kind: "add-mask", value: "s3cret::" }],
  ["::stop-commands::tok", { kind: "stop-commands", token: "tok" }],
  ["::echo::on", { kind: "echo", on: true }],
  ["::set-output name=a::b", { kind: "set-output", name: "a", value: "b" }],
  ["::save-state name=a::b", { kind: "save-state", name: "a", value: "b" }],
  ["::set-env name=a::b", { kind: "set-env", name: "a", value: "b" }],
  ["::add-path::/x", { kind: "add-path", value: "/x" }],
  ["::add-matcher::x.json", { kind: "add-matcher", path: "x.json" }],
  ["::remove-matcher owner=tsc::", { kind: "remove-matcher", owner: "tsc" }],
  ["::remove-matcher::x.json", { kind: "remove-matcher", path: "x.json" }],
  ["::stop-commands::group", { kind: "refused", message: expect.stringContaining("cannot stop commands") }],
  ["::remove-matcher::", { kind: "refused", message: expect.stringContaining("neither an owner nor a file") }],
])("line %j", (line, command) => {
  expect(parseWorkflowCommand(line)).toEqual(command);
});

test("while commands are stopped only the token counts", () => {
  expect(parseWorkflowCommand("::error::x", "tok")).toBeUndefined();
  expect(parseWorkflowCommand("::tok::", "tok")).toEqual({ kind: "resume-commands" });
});

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAction } from "../src/parse-action.ts";
import { parseSettings } from "../src/parse-settings.ts";
import { parseWorkflow } from "../src/parse-workflow.ts";

/** Real workflow files beside the repository, which are not part of it. */
const FOLDER = join(import.meta.dirname, "../../../../shared/corpus");
const FILE_BYTES_MAX = 8_000;

const KEYS = [
  ..."on jobs name env permissions concurrency defaults run-name a b steps run uses with if needs runs-on".split(" "),
  ..."strategy matrix include exclude container services environment secrets outputs id shell parallel wait".split(" "),
  ..."cancel background push branches inputs workflow_call workflow_dispatch schedule cron types runs using".split(" "),
  ..."version reuse tests deploy constructor __proto__ <<".split(" "),
];
const WORDS = fc.oneof(
  fc.constantFrom("", "push", "a", "b", "x", "composite", "node20", "*", "1", "!"),
  fc.constantFrom("${", "}}", "{0}", "a/b@c", "./a", "read-all", "inherit"),
  fc
    .constantFrom(
      "github.sha",
      "matrix.a",
      "fromJSON('[1]')",
      "needs.*",
      "x(",
      "'",
      "format('{0}')",
      "insert",
      "env[0]",
    )
    .map((expression) => `\${{ ${expression} }}`),
);
const { value: values } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    WORDS,
    fc.oneof(fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie("value"), { maxKeys: 6 }),
  ),
}));

function check(text: string): void {
  const lineCount = text.split("\n").length;
  for (const parse of [parseWorkflow, parseAction, parseSettings]) {
    const { diagnostics, ...result } = parse({ path: "any.yml", text });
    const isAccepted = "definition" in result || "settings" in result;
    expect(diagnostics.some((one) => one.severity === "error")).toBe(!isAccepted);
    for (const { line, column, message } of diagnostics) {
      expect(line >= 1 && line <= lineCount && column >= 1, `${line}:${column} ${message}`).toBe(true);
    }
  }
}

test("any values in any places are accepted or refused, and never thrown at", () => {
  const jobs = fc.record({ "runs-on": values, steps: fc.array(values) }, { requiredKeys: [] });
  fc.assert(
    fc.property(values, (value) => check(JSON.stringify(value))),
    { numRuns: 400 },
  );
  fc.assert(
    fc.property(values, jobs, values, (on, a, b) => check(JSON.stringify({ on, jobs: { a, b } }, null, 1))),
    { numRuns: 400 },
  );
});

test("real files with something broken in them are accepted or refused, and never thrown at", ({ skip }) => {
  if (!existsSync(FOLDER)) return skip(`skipped: there are no real workflow files in ${FOLDER}`);
  const files = readdirSync(FOLDER)
    .filter((name) => name.endsWith(".yml"))
    .map((name) => readFileSync(join(FOLDER, name), "utf8"))
    .filter((text) => text.length < FILE_BYTES_MAX);
  const mutations = fc.constantFrom("drop line", "double line", "indent", "outdent", "replace", "cut", "key", "value");
  fc.assert(
    fc.property(
      fc.nat({ max: files.length - 1 }),
      fc.array(
        fc.tuple(
          mutations,
          fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
          fc.constantFrom(...":{}[]'\"|>&*!#%@`-\t\0é\r\n"),
        ),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
      (index, changes) => {
        let text = files[index] ?? "";
        for (const [kind, place, char] of changes) text = mutate(text, kind, place, char);
        check(text);
      },
    ),
    { numRuns: 300 },
  );
});

function mutate(text: string, kind: string, place: number, char: string): string {
  const at = Math.floor(place * text.length);
  if (kind === "replace") return text.slice(0, at) + char + text.slice(at + 1);
  if (kind === "cut") return text.slice(0, at);
  const lines = text.split("\n");
  const row = Math.floor(place * lines.length);
  const line = lines[row] ?? "";
  const changed: Record<string, string[]> = {
    "drop line": [],
    "double line": [line, line],
    indent: [` ${line}`],
    outdent: [line.replace(/^ {1,2}/, "")],
    key: [line.replace(/\w:/, "x$&")],
    value: [line.replace(/: .*$/, ": [{}]")],
  };
  lines.splice(row, 1, ...(changed[kind] ?? [line]));
  return lines.join("\n");
}

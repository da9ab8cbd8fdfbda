// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import type { Value } from "@windrow/model";
import { describe, expect, it } from "vitest";
import { evaluateValue } from "../src/evaluate.ts";

/** The examples of the language's documentation, function by function. */
const CONTEXTS = {
  github: {
    event_name: "push",
    ref: "refs/heads/main",
    event: { issue: { labels: [{ name: "bug" }, { name: "help wanted" }] } },
  },
  job: { status: "success" },
  env: { MY_ENV_VAR: "my value", continue: "true", time: "3" },
  needs: { job1: { outputs: { matrix: '{"include":[{"project":"foo","config":"Debug"}]}' } } },
  matrix: {
    fruits: [
      { name: "apple", quantity: 1 },
      { name: "orange", quantity: 2 },
      { name: "pear", quantity: 1 },
    ],
    vegetables: {
      scallions: { colors: ["green", "white", "red"], ediblePortions: ["roots", "stalks"] },
      beets: { colors: ["purple", "red", "gold"], ediblePortions: ["roots", "stems", "leaves"] },
      artichokes: { colors: ["green", "purple"], ediblePortions: ["hearts", "stems", "leaves"] },
    },
  },
};

describe("the documented examples of expressions", () => {
  it.each<[string, Value]>([
    ["null", null],
    ["false", false],
    ["711", 711],
    ["-9.2", -9.2],
    ["0xff", 255],
    ["-2.99e-2", -0.0299],
    ["'Mona the Octocat'", "Mona the Octocat"],
    ["'It''s open source!'", "It's open source!"],
    ["contains('Hello world', 'llo')", true],
    ["contains(github.event.issue.labels.*.name, 'bug')", true],
    ['contains(fromJSON(\'["push", "pull_request"]\'), github.event_name)', true],
    ["startsWith('Hello world', 'He')", true],
    ["endsWith('Hello world', 'ld')", true],
    ["format('Hello {0} {1} {2}', 'Mona', 'the', 'Octocat')", "Hello Mona the Octocat"],
    ["format('{{Hello {0} {1} {2}!}}', 'Mona', 'the', 'Octocat')", "{Hello Mona the Octocat!}"],
    ["join(github.event.issue.labels.*.name, ', ')", "bug, help wanted"],
    ["toJSON(job)", '{\n  "status": "success"\n}'],
    ["fromJSON(needs.job1.outputs.matrix)", { include: [{ project: "foo", config: "Debug" }] }],
    ["fromJSON(env.continue)", true],
    ["fromJSON(env.time)", 3],
    ["matrix.fruits.*.name", ["apple", "orange", "pear"]],
    [
      "matrix.vegetables.*.ediblePortions",
      [
        ["roots", "stalks"],
        ["roots", "stems", "leaves"],
        ["hearts", "stems", "leaves"],
      ],
    ],
    [
      "matrix.vegetables.*.ediblePortions.*",
      ["roots", "stalks", "roots", "stems", "leaves", "hearts", "stems", "leaves"],
    ],
    [
      "case(github.ref == 'refs/heads/main', 'production', github.ref == 'refs/heads/staging', 'staging', 'development')",
      "production",
    ],
    ["github.ref == 'refs/heads/main' && 'value_for_main' || 'value_for_others'", "value_for_main"],
    ["matrix.fruits[1].name", "orange"],
    ["matrix['fruits'][0]['quantity']", 1],
    ["matrix.fruits[7]", null],
    ["matrix.fruits[-1]", null],
    ["github['event_name']", "push"],
    ["github.event.issue.missing.*.name", []],
  ])("%s", (expression, value) => {
    expect(evaluateValue(`\${{ ${expression} }}`, CONTEXTS)).toEqual(value);
  });
});

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import type { CalledWorkflow, WorkflowDefinition } from "@windrow/model";
import { describe, expect, it } from "vitest";
import { parseWorkflow } from "../parse-workflow.ts";
import { FACTS, SOURCE } from "../run-facts.fixture.ts";
import { buildPlan } from "./build-plan.ts";
import { callOutputs } from "./call-outputs.ts";
import { previewRun } from "./preview-run.ts";
import { findCalled, openScope } from "./workflow-scope.ts";

function define(text: string, called: Record<string, CalledWorkflow> = {}): WorkflowDefinition {
  const { definition, diagnostics } = parseWorkflow({ path: SOURCE.path, text });
  if (definition === undefined) throw new Error(JSON.stringify(diagnostics));
  return { ...definition, called };
}

const INNER_USES = "me/shared/.github/workflows/inner.yml@v1";
const OUTER_USES = "./.github/workflows/outer.yml";

const INNER: CalledWorkflow = {
  repository: "me/shared",
  ref: "v1",
  sha: "b".repeat(40),
  definition: {
    ...define(`
on:
  workflow_call:
    inputs: {level: {type: number, required: true}}
    outputs:
      version: {value: '\${{ jobs.build.outputs.version }}-\${{ inputs.level }}'}
      broken: {value: '\${{ fromJSON(jobs.build.outputs.none) }}'}
permissions: {contents: write, packages: write}
env: {INNER: 1}
jobs:
  build: {runs-on: x, steps: [{run: make}]}
  quiet: {runs-on: x, permissions: {contents: read}, steps: [{run: make}]}
`),
    path: ".github/workflows/inner.yml",
  },
};

const OUTER: CalledWorkflow = {
  repository: SOURCE.repository,
  ref: SOURCE.ref,
  sha: SOURCE.sha,
  definition: {
    ...define(
      `
on: {workflow_call: {inputs: {level: {type: number, default: 1}}}}
jobs:
  inner: {uses: '${INNER_USES}', with: {level: '\${{ inputs.level }}'}}
`,
      { [INNER_USES]: INNER },
    ),
    path: ".github/workflows/outer.yml",
  },
};

const ROOT = define(
  `
on: push
permissions: {contents: read, packages: write}
env: {ROOT: 1}
jobs:
  outer: {uses: ${OUTER_USES}, with: {level: 5}}
`,
  { [OUTER_USES]: OUTER },
);

const SCOPE = { definition: ROOT, source: SOURCE, inputs: {} };
const CALLS = [
  { jobKey: "outer", inputs: { level: 5 } },
  { jobKey: "inner", inputs: { level: 5 } },
];

describe("workflows that call each other", () => {
  it("are found by the keys of the calling jobs", () => {
    expect(findCalled(ROOT, [])).toBeUndefined();
    expect(findCalled(ROOT, ["outer"])).toBe(OUTER);
    expect(findCalled(ROOT, ["outer", "inner"])).toBe(INNER);
    expect(findCalled(ROOT, ["outer", "other"])).toBeUndefined();
    expect(findCalled({ ...ROOT, called: {} }, ["outer"])).toBeUndefined();
  });

  it("are scopes of their own: their file, their inputs, and no more permissions than the calls on the way", () => {
    expect(openScope(SCOPE, [], "trusted")).toBe(SCOPE);
    expect(openScope(SCOPE, CALLS, "trusted")).toEqual({
      definition: INNER.definition,
      source: { repository: "me/shared", path: ".github/workflows/inner.yml", ref: "v1", sha: INNER.sha },
      inputs: { level: 5 },
      permissionsMax: { contents: "read", packages: "write" },
    });
    expect(openScope(SCOPE, [{ jobKey: "none", inputs: {} }], "trusted")).toBeUndefined();
  });

  it.each([
    ["build", "trusted", { contents: "read", packages: "write" }],
    ["quiet", "trusted", { contents: "read" }],
    ["build", "untrusted", { contents: "read", packages: "read" }],
  ] as const)(
    "the plan of %s (%s) has the caller's facts and its own file's env, inputs and permissions",
    (key, trust, permissions) => {
      const scope = openScope(SCOPE, CALLS, trust);
      const job = scope?.definition.jobs.find((one) => one.key === key);
      if (scope === undefined || job === undefined) throw new Error("not found");
      const place = { matrix: {}, jobIndex: 0, jobTotal: 1, needs: [] };
      const facts = { ...FACTS, trust };
      const plan = buildPlan({ scope, vars: {}, job, ...place, facts, name: key, timeoutMs: 1 });
      expect(plan).toMatchObject({
        repository: FACTS.repository,
        workflowName: FACTS.workflowName,
        workflowPath: FACTS.workflowPath,
        source: { repository: "me/shared", sha: INNER.sha },
        env: [["INNER", "1"]],
        inputs: { level: 5 },
        permissions,
      });
      expect(plan.permissions).toEqual(permissions);
    },
  );

  it("give outputs from their jobs; one that fails is left out and told", () => {
    const scope = openScope(SCOPE, CALLS, "trusted");
    if (scope === undefined) throw new Error("not found");
    const jobs = { build: { result: "success" as const, outputs: { version: "1.2" } } };
    expect(callOutputs({ scope, vars: {}, jobs, facts: FACTS })).toEqual({
      outputs: { version: "1.2-5" },
      diagnostics: [
        expect.objectContaining({
          file: ".github/workflows/inner.yml",
          message: "output 'broken' is empty: fromJSON got an empty text",
        }),
      ],
    });
    const large = { build: { result: "success" as const, outputs: { version: "x".repeat(1024 * 1024) } } };
    expect(callOutputs({ scope, vars: {}, jobs: large, facts: FACTS })).toMatchObject({
      outputs: {},
      diagnostics: [{ message: expect.stringContaining("more than 1048576 characters") }, expect.anything()],
    });
  });

  it("are previewed below their calls, to the documented number of levels", () => {
    const question = { definition: ROOT, facts: FACTS, inputs: {}, vars: {} };
    const ids = ["outer", "outer / inner", "outer / inner / build", "outer / inner / quiet"];
    expect(previewRun(question).jobs.map((job) => job.id)).toEqual(ids);
    const uses = "./.github/workflows/endless.yml";
    const endless: WorkflowDefinition = {
      ...define(`on: [push, workflow_call]\njobs: {again: {uses: ${uses}}}`),
      path: ".github/workflows/endless.yml",
    };
    const called: Record<string, CalledWorkflow> = {};
    const circle = { ...endless, called };
    called[uses] = { ...SOURCE, definition: circle };
    expect(previewRun({ ...question, definition: circle }).jobs).toHaveLength(10);
  });
});

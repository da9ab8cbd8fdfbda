import { ownSchema, type SchemaDefinition } from "./own-schema.ts";
import type { FileSchema } from "./read-file.ts";

const STEP_CONTEXTS = "github inputs strategy matrix steps job runner env hashFiles(1,255)".split(" ");
const STATUS_FUNCTIONS = ["always(0,0)", "success(0,0)", "failure(0,0)", "cancelled(0,0)"];
const text = (...context: readonly string[]): SchemaDefinition => ({ string: {}, context });
const textMap = (...context: readonly string[]): SchemaDefinition => ({
  mapping: { "loose-key-type": "non-empty", "loose-value-type": "string" },
  context,
});
const required = (type: string) => ({ type, required: true }) as const;

const STEP_KEYS = {
  name: "step-text",
  id: "non-empty",
  if: "step-if",
  env: "step-map",
  "continue-on-error": "step-flag",
};

/**
 * `action.yml`: keys at the top that are not known are left alone, as the documented runner does; under `runs` they
 * would change what is run, and are refused.
 */
export const ACTION_FILE: FileSchema = {
  name: "action",
  shape: "an action has the key `runs`",
  root: "action",
  schema: ownSchema({
    action: {
      mapping: {
        properties: { name: "string", inputs: "inputs", outputs: "outputs", runs: required("runs") },
        "loose-key-type": "non-empty",
        "loose-value-type": "any",
      },
    },
    inputs: { mapping: { "loose-key-type": "non-empty", "loose-value-type": "input" } },
    input: { "one-of": ["null", "input-map"] },
    "input-map": {
      mapping: {
        properties: { default: "input-default", required: "input-required", deprecationMessage: "string" },
        "loose-key-type": "non-empty",
        "loose-value-type": "any",
      },
    },
    "input-default": {
      "one-of": ["null", "string"],
      context: ["github", "strategy", "matrix", "job", "runner", "hashFiles(1,255)"],
    },
    "input-required": { "one-of": ["null", "boolean", "string"] },
    outputs: { mapping: { "loose-key-type": "non-empty", "loose-value-type": "output" } },
    output: { "one-of": ["null", "output-map"] },
    "output-map": {
      mapping: {
        properties: { value: "output-value" },
        "loose-key-type": "non-empty",
        "loose-value-type": "any",
      },
    },
    "output-value": text("github", "strategy", "matrix", "steps", "inputs", "job", "runner", "env"),
    runs: { "one-of": ["composite-runs", "javascript-runs", "docker-runs"] },
    "composite-runs": { mapping: { properties: { using: required("non-empty"), steps: required("steps") } } },
    "javascript-runs": {
      mapping: {
        properties: {
          using: required("non-empty"),
          main: required("non-empty"),
          pre: "non-empty",
          "pre-if": "runs-if",
          post: "non-empty",
          "post-if": "runs-if",
        },
      },
    },
    "docker-runs": {
      mapping: {
        properties: {
          using: required("non-empty"),
          image: required("non-empty"),
          args: "docker-args",
          env: "docker-env",
          entrypoint: "non-empty",
          "pre-entrypoint": "non-empty",
          "pre-if": "runs-if",
          "post-entrypoint": "non-empty",
          "post-if": "runs-if",
        },
      },
    },
    "docker-args": { sequence: { "item-type": "string" }, context: ["inputs"] },
    "docker-env": textMap("inputs"),
    "runs-if": text(..."runner github job strategy matrix env inputs hashFiles(1,255)".split(" "), ...STATUS_FUNCTIONS),
    steps: { sequence: { "item-type": "step" } },
    step: { "one-of": ["run-step", "uses-step"] },
    "run-step": {
      mapping: {
        properties: {
          ...STEP_KEYS,
          run: required("step-text"),
          shell: required("step-text"),
          "working-directory": "step-text",
        },
      },
    },
    "uses-step": { mapping: { properties: { ...STEP_KEYS, uses: required("non-empty"), with: "step-map" } } },
    "step-text": text(...STEP_CONTEXTS),
    "step-flag": { boolean: {}, context: STEP_CONTEXTS },
    "step-map": textMap(...STEP_CONTEXTS),
    "step-if": text(...STEP_CONTEXTS, ...STATUS_FUNCTIONS),
    "non-empty": { string: { "require-non-empty": true } },
  }),
};

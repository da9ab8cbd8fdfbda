import { LANGUAGES } from "../detect-language.ts";
import { ownSchema } from "./own-schema.ts";
import type { FileSchema } from "./read-file.ts";

const required = (type: string) => ({ type, required: true }) as const;

/** `.windrow/settings.yml`: strict, so that a misspelt key is not taken for one that is obeyed. */
export const SETTINGS_FILE: FileSchema = {
  name: "settings",
  shape: "settings are a map that begins with `version: 1`",
  root: "settings",
  schema: ownSchema({
    settings: {
      mapping: {
        properties: {
          version: required("number"),
          language: "language",
          reuse: "reuse",
          tests: "tests",
          needs: "needs",
          deploy: "deploy",
        },
      },
    },
    language: { "allowed-values": LANGUAGES },
    reuse: { mapping: { properties: { inputs: required("texts") } } },
    tests: { mapping: { properties: { reports: required("texts") } } },
    needs: { sequence: { "item-type": "need" } },
    need: {
      mapping: { properties: { repository: required("non-empty"), workflow: "non-empty", branch: "non-empty" } },
    },
    deploy: { mapping: { "loose-key-type": "non-empty", "loose-value-type": "deploy-target" } },
    "deploy-target": { "one-of": ["null", "deploy-map"] },
    "deploy-map": { mapping: { properties: { branches: "texts", url: "non-empty" } } },
    texts: { "one-of": ["non-empty", "text-list"] },
    "text-list": { sequence: { "item-type": "non-empty" } },
    "non-empty": { string: { "require-non-empty": true } },
  }),
};

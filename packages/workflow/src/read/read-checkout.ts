import type { Position, Template, TemplateMap } from "@windrow/model";
import { compileTemplate } from "../compile-template.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { refuse } from "./refuse.ts";
import { type Entry, entriesOf, positionOf, readTemplateMap } from "./tokens.ts";

const CHECKOUT = /^actions\/checkout@[^@\s]+$/i;

/** Inputs the built-in checkout obeys. */
const OBEYED = new Set(["ref", "path", "fetch-depth", "clean", "persist-credentials"]);

/** Inputs that ask for nothing at the values accepted here, so that they need not reach the agent. */
const WITHOUT_EFFECT: ReadonlyMap<string, (value: Template) => boolean> = new Map([
  ["repository", isOwnRepository],
  ["token", isOwnToken],
  ["submodules", isFalse],
  ["lfs", isFalse],
  ["fetch-tags", isFalse],
  ["show-progress", () => true],
  ["set-safe-directory", () => true],
]);

/**
 * Checks a `uses:`: only `actions/checkout` is built in; every other action, and every input the built-in does not
 * know, is refused by name. Answers the inputs the built-in obeys.
 */
export function readCheckout(
  { uses, at, inputs }: { uses: string; at: Position; inputs: Entry | undefined },
  diagnostics: Diagnostics,
): TemplateMap {
  if (!CHECKOUT.test(uses)) {
    const name = uses.slice(0, 200);
    const hint = /^actions\/checkout$/i.test(uses)
      ? "add a version: actions/checkout@v4"
      : "only actions/checkout is built in; write the commands as 'run' steps";
    refuse(diagnostics, at, `the action '${name}'`, hint);
    return [];
  }
  if (inputs === undefined) return [];
  const places = new Map(entriesOf(inputs.value).map((entry) => [entry.key, positionOf(entry.value, entry.at)]));
  const obeyed: [string, Template][] = [];
  for (const [key, value] of readTemplateMap(inputs.value, "with", diagnostics)) {
    const name = key.toLowerCase();
    const place = places.get(key) ?? inputs.at;
    const isWithoutEffect = WITHOUT_EFFECT.get(name);
    if (OBEYED.has(name)) obeyed.push([name, value]);
    else if (isWithoutEffect === undefined) {
      refuse(diagnostics, place, `the input '${key}' of actions/checkout`, `supported: ${[...OBEYED].join(", ")}`);
    } else if (!isWithoutEffect(value)) {
      refuse(diagnostics, place, `the input '${key}' of actions/checkout with another value than its default`);
    }
  }
  return obeyed;
}

function isFalse(value: Template): boolean {
  return value.trim().toLowerCase() === "false";
}

function isOwnRepository(value: Template): boolean {
  return value === "" || readsOnly(value, "repository");
}

function isOwnToken(value: Template): boolean {
  return value === "" || readsOnly(value, "token");
}

/** Whether a template is `${{ github.<property> }}` and nothing else. */
function readsOnly(value: Template, property: string): boolean {
  const segments = compileTemplate(value);
  const [only] = segments;
  if (segments.length !== 1 || only === undefined || !("expression" in only)) return false;
  return only.expression.text.replaceAll(/\s/g, "").toLowerCase() === `github.${property}`;
}

import type { Diagnostics } from "../diagnostics.ts";
import { CONTEXT_PROPERTIES } from "./context-properties.ts";
import type { FoundPath } from "./find-expressions.ts";

/** What a name stands for: its own properties in small letters, or nothing when they are not known. */
export type KnownNames = ReadonlyMap<string, ReadonlySet<string> | undefined>;

/** Names that exist at one place of a file, in small letters; a context that is absent here is not checked. */
export interface Known {
  readonly needs?: KnownNames;
  readonly jobs?: KnownNames;
  readonly steps?: KnownNames;
  readonly matrix?: KnownNames;
  readonly inputs?: KnownNames | undefined;
  /** Inputs in the event's own document. */
  readonly eventInputs?: KnownNames;
}

type Named = Exclude<keyof Known, "eventInputs">;

const EXPLANATIONS: { readonly [context in Named]: { readonly why: string; readonly hint: string } } = {
  needs: { why: "the job does not need a job of that name", hint: "name the job in 'needs'" },
  jobs: { why: "the workflow has no job of that name", hint: "check the keys of 'jobs'" },
  steps: {
    why: "no step before this one has that id",
    hint: "give the step an 'id', and mind the order of the steps",
  },
  matrix: { why: "no combination of the matrix has it", hint: "check the variables of 'strategy.matrix'" },
  inputs: {
    why: "the file declares no input of that name",
    hint: "declare it under 'inputs' (of workflow_dispatch, of workflow_call, or of the action)",
  },
};

const NEED_PROPERTIES = new Set(["result", "outputs"]);
const STEP_PROPERTIES = new Set(["outputs", "outcome", "conclusion"]);

/** Warns of what the language answers with nothing: names that do not exist where they are read. */
export function checkPaths(paths: readonly FoundPath[], known: Known, diagnostics: Diagnostics): void {
  for (const path of paths) {
    const [context = "", name, property, output] = path.names.map((one) => one.toLowerCase());
    if (name === undefined || name === "*") continue;
    if (!isNamed(context)) {
      const properties = CONTEXT_PROPERTIES.get(context);
      if (context === "github" && name === "event" && property === "inputs" && output !== undefined) {
        checkName({ path, context: "inputs", name: output, length: 4 }, { inputs: known.eventInputs }, diagnostics);
      } else if (properties !== undefined && !properties.has(name)) {
        warn({ path, length: 2, why: `'${context}' has no such property`, hint: "check its spelling" }, diagnostics);
      }
      continue;
    }
    if (!checkName({ path, context, name, length: 2 }, known, diagnostics)) continue;
    if (context === "matrix" || context === "inputs" || property === undefined || property === "*") continue;
    const properties = context === "steps" ? STEP_PROPERTIES : NEED_PROPERTIES;
    if (!properties.has(property)) {
      const why = `'${context}.${path.names[1]}' has only ${[...properties].join(", ")}`;
      warn({ path, length: 3, why, hint: "outputs stand under 'outputs'" }, diagnostics);
    } else if (property === "outputs" && output !== undefined && output !== "*") {
      const outputs = known[context]?.get(name);
      if (outputs === undefined || outputs.has(output)) continue;
      const hint = "name it under 'outputs' of that job";
      warn({ path, length: 4, why: `the job '${path.names[1]}' has no output of that name`, hint }, diagnostics);
    }
  }
}

function isNamed(context: string): context is Named {
  return Object.hasOwn(EXPLANATIONS, context);
}

function checkName(
  { path, context, name, length }: { path: FoundPath; context: Named; name: string; length: number },
  known: Known,
  diagnostics: Diagnostics,
): boolean {
  const names = known[context];
  if (names === undefined || names.has(name) || name === "*") return names !== undefined;
  warn({ path, length, ...EXPLANATIONS[context] }, diagnostics);
  return false;
}

function warn(
  { path, length, why, hint }: { path: FoundPath; length: number; why: string; hint: string },
  diagnostics: Diagnostics,
): void {
  const written = path.names.slice(0, length).join(".");
  diagnostics.warning(path.at, { code: "unknown-reference", message: `'${written}' is always empty: ${why}`, hint });
}

import type { ActionDefinition, ActionInput, Diagnostic } from "@windrow/model";
import { checkPaths, type KnownNames } from "./check/check-paths.ts";
import { findPaths } from "./check/find-expressions.ts";
import { Diagnostics } from "./diagnostics.ts";
import { ACTION_FILE } from "./read/action-file.ts";
import { readFile } from "./read/read-file.ts";
import { type ReadRuns, readRuns } from "./read/read-runs.ts";
import { type Entry, entriesOf, isNull, readTemplateText } from "./read/tokens.ts";

export interface ParseActionResult {
  /** Present when there is no error among the diagnostics. */
  readonly definition?: ActionDefinition;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads one `action.yml`. Never throws for what stands in the file. An action without a name has its path for one. */
export function parseAction({ path, text }: { path: string; text: string }): ParseActionResult {
  const collected = new Diagnostics(path);
  const file = readFile({ path, text, kind: ACTION_FILE }, collected);
  if (file === undefined) return { diagnostics: collected.list() };
  const diagnostics = collected.through(file.locate);
  const entries = new Map(entriesOf(file.root).map((entry) => [entry.key, entry]));
  const inputs = readInputs(entries.get("inputs"), diagnostics);
  const names: KnownNames = new Map(inputs.map((input) => [input.name.toLowerCase(), undefined]));
  const written = entries.get("runs");
  const { runs, steps }: ReadRuns =
    written === undefined ? { steps: new Map() } : readRuns(written, names, diagnostics);
  const outputs = readOutputs(entries.get("outputs"), diagnostics);
  for (const key of ["inputs", "outputs"]) {
    const entry = entries.get(key);
    if (entry !== undefined) checkPaths(findPaths(entry.value), { inputs: names, steps }, diagnostics);
  }
  const definition = runs && { name: entries.get("name")?.value.toString() || path, inputs, outputs, runs };
  return {
    ...(definition !== undefined && !diagnostics.hasErrors && { definition }),
    diagnostics: diagnostics.list(),
  };
}

function readInputs(inputs: Entry | undefined, diagnostics: Diagnostics): ActionInput[] {
  return entriesOf(inputs?.value).map(({ key: name, value }) => {
    const given = new Map(entriesOf(value).map((entry) => [entry.key, entry]));
    const written = given.get("default");
    const isGiven = written !== undefined && !isNull(written.value);
    const preset = isGiven ? readTemplateText(written.value, written.at, diagnostics) : undefined;
    const deprecation = given.get("deprecationMessage")?.value.toString();
    return {
      name,
      required: given.get("required")?.value.toString() === "true",
      ...(preset !== undefined && { default: preset }),
      ...(deprecation !== undefined && { deprecation }),
    };
  });
}

function readOutputs(outputs: Entry | undefined, diagnostics: Diagnostics): ActionDefinition["outputs"] {
  return entriesOf(outputs?.value).map(({ key: name, value: output }) => {
    const written = entriesOf(output).find((entry) => entry.key === "value");
    const value = written && readTemplateText(written.value, written.at, diagnostics);
    return { name, ...(value !== undefined && { value }) };
  });
}

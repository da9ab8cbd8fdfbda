import { isMapping } from "@actions/workflow-parser";
import { INPUT_TYPES, type InputDefinition, type InputType, type Position, type ValueTemplate } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { isOpen, readStaticValue, readValueTemplate } from "./read-value.ts";
import { type Entry, entriesOf, isNull, itemsOf, positionOf } from "./tokens.ts";

interface Draft {
  type?: InputType;
  description?: string;
  required: boolean;
  default?: { readonly value: ValueTemplate; readonly at: Position; readonly isKnown: boolean };
  options?: { readonly list: readonly string[]; readonly at: Position };
}

/** `inputs:` of `workflow_dispatch` or `workflow_call`, in the order of the file. */
export function readInputs({ value }: Entry, diagnostics: Diagnostics): InputDefinition[] {
  return entriesOf(value).map((entry) => readInput(entry, diagnostics));
}

function readInput({ key: name, at, value }: Entry, diagnostics: Diagnostics): InputDefinition {
  const draft: Draft = { required: false };
  for (const entry of entriesOf(value)) readInputEntry(entry, draft, diagnostics);
  const type = draft.type ?? "string";
  checkOptions(name, at, { ...draft, type }, diagnostics);
  checkDefault(name, { ...draft, type }, diagnostics);
  return {
    name,
    type,
    ...(draft.description !== undefined && { description: draft.description }),
    required: draft.required,
    ...(draft.default !== undefined && { default: draft.default.value }),
    ...(draft.options !== undefined && { options: draft.options.list }),
  };
}

function readInputEntry({ key, at, value }: Entry, draft: Draft, diagnostics: Diagnostics): void {
  switch (key) {
    case "type": {
      const type = INPUT_TYPES.find((one) => one === value.toString());
      if (type !== undefined) draft.type = type;
      return;
    }
    case "description":
      draft.description = value.toString();
      return;
    case "required":
      draft.required = value.toString() === "true";
      return;
    case "default": {
      if (isNull(value) || isMapping(value)) return;
      const isKnown = !isOpen(value);
      const read = isKnown ? readStaticValue : readValueTemplate;
      const written = read(value, at, diagnostics);
      if (written !== undefined) draft.default = { value: written, at: positionOf(value, at), isKnown };
      return;
    }
    case "options":
      draft.options = { list: itemsOf(value).map(String), at };
  }
}

function checkOptions(
  name: string,
  at: Position,
  { type, options }: Draft & { type: InputType },
  diagnostics: Diagnostics,
): void {
  if (type === "choice" && (options === undefined || options.list.length === 0)) {
    diagnostics.error(options?.at ?? at, {
      code: "missing-key",
      message: `the input '${name}' is a choice without options`,
      hint: "add 'options' with at least one value",
    });
  } else if (type !== "choice" && options !== undefined) {
    diagnostics.error(options.at, {
      code: "unexpected-value",
      message: `the input '${name}' has options and is no choice`,
      hint: "add 'type: choice', or remove 'options'",
    });
  }
}

function checkDefault(
  name: string,
  { type, default: given, options }: Draft & { type: InputType },
  diagnostics: Diagnostics,
): void {
  if (given === undefined || !given.isKnown) return;
  const { value, at } = given;
  const isFitting =
    type === "boolean"
      ? typeof value === "boolean" || value === "true" || value === "false" || value === ""
      : type === "number"
        ? value === "" || Number.isFinite(Number(value))
        : type !== "choice" || options === undefined || value === "" || options.list.includes(String(value));
  if (isFitting) return;
  // A default that can be chosen nowhere is a mistake, and files with one run all the same.
  const complain = type === "choice" ? "warning" : "error";
  diagnostics[complain](at, {
    code: "unexpected-value",
    message: `the default '${String(value)}' of the input '${name}' is ${type === "choice" ? "none of its options" : `no ${type}`}`,
    hint: type === "choice" ? `options: ${options?.list.join(", ")}` : "change the default or the type",
  });
}

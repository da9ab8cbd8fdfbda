import { data } from "@actions/expressions";
import type { Pair } from "@actions/expressions/data/expressiondata";
import type { Value } from "@windrow/model";
import { formatNumber } from "./format-number.ts";
import { ContextDictionary } from "./library-corrections.ts";

/** The contexts of one evaluation by name; a missing context or property is null. */
export type ExpressionContexts = { readonly [name: string]: Value | undefined };

export class LanguageNumber extends data.NumberData {
  override coerceString(): string {
    return formatNumber(this.value);
  }
}

/** A text that counts as a number as documented: as JSON, with `0x` and `0o` besides; `0b` is of JavaScript alone. */
export class LanguageString extends data.StringData {
  override number(): number {
    return /^\s*0b/i.test(this.value) ? Number.NaN : super.number();
  }
}

/** A dictionary over a plain object that converts a property when it is first read: contexts are large, uses few. */
class ValueDictionary extends ContextDictionary {
  readonly #values: { readonly [name: string]: Value | undefined };
  readonly #names: Map<string, string>;
  readonly #fold: (name: string) => string;
  readonly #converted = new Map<string, data.ExpressionData>();

  constructor(values: { readonly [name: string]: Value | undefined }, caseSensitive: boolean) {
    super({ caseSensitive });
    this.#values = values;
    this.#fold = caseSensitive ? (name) => name : (name) => name.toLowerCase();
    this.#names = new Map();
    for (const name of Object.keys(values)) {
      if (!this.#names.has(this.#fold(name))) this.#names.set(this.#fold(name), name);
    }
  }

  override get(key: string): data.ExpressionData | undefined {
    const name = this.#names.get(this.#fold(key));
    if (name === undefined) return undefined;
    const known = this.#converted.get(name);
    if (known !== undefined) return known;
    const converted = toExpressionData(this.#values[name] ?? null);
    this.#converted.set(name, converted);
    return converted;
  }

  override values(): data.ExpressionData[] {
    return this.pairs().map((pair) => pair.value);
  }

  override pairs(): Pair[] {
    return [...this.#names.values()].map((key) => ({ key, value: this.get(key) ?? new data.Null() }));
  }
}

/** What the evaluator asks for contexts: names without case, `env` with case-sensitive properties, unknown ones null. */
export class ContextRoot extends data.Dictionary {
  readonly #contexts: ExpressionContexts;
  readonly #converted = new Map<string, data.ExpressionData>();

  constructor(contexts: ExpressionContexts) {
    super();
    this.#contexts = contexts;
  }

  override get(name: string): data.ExpressionData {
    const key = name.toLowerCase();
    const known = this.#converted.get(key);
    if (known !== undefined) return known;
    const value = Object.hasOwn(this.#contexts, key) ? this.#contexts[key] : undefined;
    const converted =
      key === "env" && isObject(value) ? new ValueDictionary(value, true) : toExpressionData(value ?? null);
    this.#converted.set(key, converted);
    return converted;
  }
}

const isObject = (value: Value | undefined): value is { readonly [name: string]: Value } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** Conversions of values that never change, by identity; null until one is first asked for. */
const keptConversions = new WeakMap<object, data.ExpressionData | null>();

/** Says of a value that it never changes, so that it is converted only once. */
export function keepConverted(value: Value): void {
  if (value !== null && typeof value === "object") keptConversions.set(value, null);
}

export function toExpressionData(value: Value): data.ExpressionData {
  if (value === null) return new data.Null();
  if (typeof value !== "object") return convert(value);
  const known = keptConversions.get(value);
  if (known === undefined) return convert(value);
  const converted = known ?? convert(value);
  if (known === null) keptConversions.set(value, converted);
  return converted;
}

function convert(value: Exclude<Value, null>): data.ExpressionData {
  switch (typeof value) {
    case "string":
      return new LanguageString(value);
    case "boolean":
      return new data.BooleanData(value);
    case "number":
      return new LanguageNumber(value);
    case "object":
      return isList(value) ? convertList(value) : new ValueDictionary(value, false);
  }
}

/** One by one: the library's constructor takes them as arguments, of which there cannot be many. */
function convertList(values: readonly Value[]): data.Array {
  const list = new data.Array();
  for (const value of values) list.add(toExpressionData(value));
  return list;
}

export function fromExpressionData(value: data.ExpressionData): Value {
  if (value instanceof data.StringData) return value.value;
  if (value instanceof data.BooleanData) return value.value;
  if (value instanceof data.NumberData) return value.value;
  if (value instanceof data.Array) return value.values().map(fromExpressionData);
  if (value instanceof data.Dictionary) {
    return Object.fromEntries(value.pairs().map((pair) => [pair.key, fromExpressionData(pair.value)]));
  }
  return null;
}

/** Whether a value counts as true: everything but null, false, 0, NaN and the empty string. */
export function isTruthy(value: data.ExpressionData): boolean {
  if (value instanceof data.BooleanData) return value.value;
  if (value instanceof data.StringData) return value.value.length > 0;
  if (value instanceof data.NumberData) return value.value !== 0 && !Number.isNaN(value.value);
  return !(value instanceof data.Null);
}

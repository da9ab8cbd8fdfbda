import type { MatrixCombination, Value } from "@windrow/model";
import { MATRIX_CANDIDATES_MAX, MATRIX_COMBINATIONS_MAX, MATRIX_ENTRIES_MAX, MATRIX_VARIABLES_MAX } from "./limits.ts";

/** One variable of a matrix, in the order of the file. */
export interface MatrixVector {
  readonly name: string;
  readonly values: readonly Value[];
}

/**
 * Expands a matrix in the documented order: the first variable changes slowest; `exclude` first, by partial match; then
 * each `include` is added to every combination whose original values it does not overwrite, or is a new combination.
 * Answers `undefined` above the limits of combinations, of entries and of variables.
 */
export function expandMatrix({
  vectors,
  include,
  exclude,
}: {
  vectors: readonly MatrixVector[];
  include: readonly MatrixCombination[];
  exclude: readonly MatrixCombination[];
}): MatrixCombination[] | undefined {
  if (include.length > MATRIX_ENTRIES_MAX || exclude.length > MATRIX_ENTRIES_MAX) return undefined;
  if (vectors.length > MATRIX_VARIABLES_MAX) return undefined;
  const originals = crossProduct(vectors, exclude);
  // includes only add
  if (originals === undefined || originals.length > MATRIX_COMBINATIONS_MAX) return undefined;
  const names = new Set(vectors.map((vector) => vector.name));
  const added = originals.map(() => new Map<string, Value>());
  const appended: MatrixCombination[] = [];
  for (const entry of include) {
    const shared = Object.fromEntries(Object.entries(entry).filter(([name]) => names.has(name)));
    let isPlaced = false;
    for (const [at, original] of originals.entries()) {
      if (!matches(shared, original)) continue;
      isPlaced = true;
      for (const [name, value] of Object.entries(entry)) {
        if (!names.has(name)) added[at]?.set(name, value);
      }
    }
    if (!isPlaced) appended.push(entry);
  }
  const combinations = [
    ...originals.map((original, at) => ({ ...original, ...Object.fromEntries(added[at] ?? []) })),
    ...appended,
  ];
  return combinations.length > MATRIX_COMBINATIONS_MAX ? undefined : combinations;
}

/** All combinations that no filter takes out, in order; undefined when too many would have to be looked at. */
function crossProduct(
  vectors: readonly MatrixVector[],
  exclude: readonly MatrixCombination[],
): MatrixCombination[] | undefined {
  if (vectors.length === 0) return [];
  const total = vectors.reduce((product, { values }) => product * values.length, 1);
  if (total > MATRIX_CANDIDATES_MAX) return undefined;
  const filters = exclude.map((filter) => compileFilter(filter, vectors));
  const product: MatrixCombination[] = [];
  const places = vectors.map(() => 0);
  for (let count = 0; count < total; count += 1) {
    if (!filters.some((filter) => filter.every(({ at, isTaken }) => isTaken[places[at] ?? 0] === true))) {
      product.push(Object.fromEntries(vectors.map(({ name, values }, at) => [name, values[places[at] ?? 0] ?? null])));
      // more are left than any `include` could make fewer
      if (product.length > MATRIX_COMBINATIONS_MAX) return undefined;
    }
    step(places, vectors);
  }
  return product;
}

/** The next combination: the last variable changes fastest. */
function step(places: number[], vectors: readonly MatrixVector[]): void {
  for (let at = places.length - 1; at >= 0; at -= 1) {
    const next = (places[at] ?? 0) + 1;
    if (next < (vectors[at]?.values.length ?? 0)) {
      places[at] = next;
      return;
    }
    places[at] = 0;
  }
}

interface FilterPart {
  /** Of the variable. */
  readonly at: number;
  /** For each of its values whether the filter means it; compared once, since values may be large. */
  readonly isTaken: readonly boolean[];
}

function compileFilter(filter: MatrixCombination, vectors: readonly MatrixVector[]): FilterPart[] {
  return Object.entries(filter).map(([name, wanted]) => {
    const at = vectors.findIndex((vector) => vector.name === name);
    // what is no variable is in no combination
    return { at: Math.max(at, 0), isTaken: (vectors[at]?.values ?? []).map((value) => matches(wanted, value)) };
  });
}

/** A filter matches when everything it names is there; texts and numbers are compared as they are written. */
function matches(filter: Value, value: Value | undefined): boolean {
  if (value === undefined) return false;
  if (filter === null || value === null || typeof filter !== "object" || typeof value !== "object") {
    return filter === value || (isScalar(filter) && isScalar(value) && String(filter) === String(value));
  }
  if (isList(filter)) {
    return isList(value) && filter.length === value.length && filter.every((item, at) => matches(item, value[at]));
  }
  return (
    !isList(value) &&
    Object.entries(filter).every(([name, item]) => Object.hasOwn(value, name) && matches(item, value[name]))
  );
}

const isScalar = (value: Value): boolean => value !== null && typeof value !== "object";
const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

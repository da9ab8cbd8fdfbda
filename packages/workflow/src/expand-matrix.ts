import type { MatrixCombination, Value } from "@windrow/model";
import { MATRIX_CANDIDATES_MAX, MATRIX_COMBINATIONS_MAX, MATRIX_ENTRIES_MAX } from "./limits.ts";

/** One variable of a matrix, in the order of the file. */
export interface MatrixVector {
  readonly name: string;
  readonly values: readonly Value[];
}

/**
 * Expands a matrix in the documented order: the first variable changes slowest; `exclude` first, by partial match; then
 * each `include` is added to every combination whose original values it does not overwrite, or is a new combination.
 * Answers `undefined` above the limits of combinations and of entries.
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
  const originals = crossProduct(vectors)?.filter((one) => !exclude.some((filter) => matches(filter, one)));
  // includes only add
  if (originals === undefined || originals.length > MATRIX_COMBINATIONS_MAX) return undefined;
  const names = new Set(vectors.map((vector) => vector.name));
  const added = originals.map((): { [name: string]: Value } => ({}));
  const appended: MatrixCombination[] = [];
  for (const entry of include) {
    const shared = Object.fromEntries(Object.entries(entry).filter(([name]) => names.has(name)));
    let isPlaced = false;
    for (const [at, original] of originals.entries()) {
      if (!matches(shared, original)) continue;
      isPlaced = true;
      for (const [name, value] of Object.entries(entry)) {
        const extra = added[at];
        if (extra !== undefined && !names.has(name)) extra[name] = value;
      }
    }
    if (!isPlaced) appended.push(entry);
  }
  const combinations = [...originals.map((original, at) => ({ ...original, ...added[at] })), ...appended];
  return combinations.length > MATRIX_COMBINATIONS_MAX ? undefined : combinations;
}

function crossProduct(vectors: readonly MatrixVector[]): MatrixCombination[] | undefined {
  if (vectors.length === 0) return [];
  let product: MatrixCombination[] = [{}];
  for (const { name, values } of vectors) {
    if (product.length * values.length > MATRIX_CANDIDATES_MAX) return undefined;
    product = product.flatMap((combination) => values.map((value) => ({ ...combination, [name]: value })));
  }
  return product;
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
  return !isList(value) && Object.entries(filter).every(([name, item]) => matches(item, value[name]));
}

const isScalar = (value: Value): boolean => value !== null && typeof value !== "object";
const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

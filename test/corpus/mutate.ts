import type { CorpusFile } from "./find-corpus.ts";

export const MUTATION_KINDS = ["key", "bracket", "type", "need"] as const;
export type MutationKind = (typeof MUTATION_KINDS)[number];

/** A file with one mistake in it, and the line that a person would look at. */
export interface Mutation {
  readonly kind: MutationKind;
  readonly file: string;
  readonly what: string;
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

/** Keys that are misspelt by exchanging two letters, so that no other key comes out. */
const KEYS = [
  "runs-on",
  "steps",
  "strategy",
  "matrix",
  "timeout-minutes",
  "permissions",
  "defaults",
  "fail-fast",
  "continue-on-error",
  "working-directory",
];

/** Values of the wrong type for a key: what stands behind it is replaced. */
const WRONG_TYPES: readonly (readonly [key: string, value: string])[] = [
  ["fail-fast", "sometimes"],
  ["timeout-minutes", "soon"],
  ["continue-on-error", "[maybe]"],
  ["runs-on", "{}"],
  ["cancel-in-progress", "perhaps"],
  ["max-parallel", "many"],
];

/** Numbers that look random and are the same every time. */
export function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** `count` files with a mistake each, in turn of every kind; the same for the same seed. */
export function mutateCorpus(
  files: readonly CorpusFile[],
  options: { readonly read: (file: string) => string; readonly seed: number; readonly count: number },
): Mutation[] {
  const random = createRandom(options.seed);
  const mutations: Mutation[] = [];
  const triesMax = options.count * 200;
  for (let tried = 0; mutations.length < options.count && tried < triesMax; tried += 1) {
    const kind = MUTATION_KINDS[mutations.length % MUTATION_KINDS.length] ?? "key";
    const { file } = files[random(files.length)] ?? { file: "" };
    const mutation = mutate(kind, { file, text: options.read(file) }, random);
    if (mutation !== undefined) mutations.push(mutation);
  }
  return mutations;
}

function mutate(
  kind: MutationKind,
  { file, text }: { readonly file: string; readonly text: string },
  random: (below: number) => number,
): Mutation | undefined {
  const lines = text.split("\n");
  const candidates = findCandidates(kind, lines);
  const chosen = candidates[random(candidates.length)];
  if (chosen === undefined) return undefined;
  const { index, changed, what } = chosen;
  return {
    kind,
    file,
    what,
    text: lines.with(index, changed).join("\n"),
    line: index + 1,
  };
}

interface Candidate {
  readonly index: number;
  readonly changed: string;
  readonly what: string;
}

const MUTATORS: Readonly<Record<MutationKind, (line: string, index: number) => Candidate[]>> = {
  key: misspell,
  bracket: loseBracket,
  type: replaceValue,
  need: needNobody,
};

function findCandidates(kind: MutationKind, lines: readonly string[]): Candidate[] {
  const inText = textLines(lines);
  return lines.flatMap((line, index) => (inText.has(index) ? [] : MUTATORS[kind](line, index)));
}

/** Lines of scripts and other block texts, where anything may stand. */
function textLines(lines: readonly string[]): ReadonlySet<number> {
  const found = new Set<number>();
  let indent: number | undefined;
  for (const [index, line] of lines.entries()) {
    const own = line.search(/\S/);
    if (indent !== undefined && (own < 0 || own > indent)) {
      found.add(index);
      continue;
    }
    indent = undefined;
    const block = /^(\s*)(- )?[\w-]+:\s*[|>][+-]?\d?\s*(#.*)?$/.exec(line);
    if (block !== null) indent = (block[1]?.length ?? 0) + (block[2]?.length ?? 0);
  }
  return found;
}

function misspell(line: string, index: number): Candidate[] {
  const [, indent = "", key = "", rest = ""] = /^(\s+)([a-z-]+)(:.*)$/.exec(line) ?? [];
  if (!KEYS.includes(key)) return [];
  const wrong = `${key[1]}${key[0]}${key.slice(2)}`;
  return [{ index, changed: `${indent}${wrong}${rest}`, what: `${key} → ${wrong}` }];
}

/** A list in brackets on one line loses its closing one. */
function loseBracket(line: string, index: number): Candidate[] {
  if (!/^\s+(- )?[\w-]+:\s*\[[^\]{}'"#]*\]\s*$/.test(line)) return [];
  return [{ index, changed: line.replace(/\]\s*$/, ""), what: "] lost" }];
}

function replaceValue(line: string, index: number): Candidate[] {
  return WRONG_TYPES.flatMap(([key, value]) => {
    const match = new RegExp(`^(\\s+${key}:) \\S.*$`).exec(line);
    return match === null ? [] : [{ index, changed: `${match[1]} ${value}`, what: `${key}: ${value}` }];
  });
}

function needNobody(line: string, index: number): Candidate[] {
  const match = /^( {2,6}needs:) ([\w-]+|\[[\w, -]+\])\s*$/.exec(line);
  return match === null ? [] : [{ index, changed: `${match[1]} nobody-of-that-name`, what: "unknown need" }];
}

import { PATTERN_CHARS_MAX, PATTERN_WORK_MAX } from "../limits.ts";

/*
 * The language's own patterns for branches, tags and paths: `*` any characters but `/`, `**` any characters, a leading
 * `**` + `/` also no folder at all, `?` zero or one and `+` one or more of the preceding character, `[]` one of the
 * characters named, `\` the next character itself. Patterns come from strangers, so they are run as an automaton whose
 * cost is pattern length times text length, not as regular expressions.
 */
type Quantity = "one" | "optional" | "repeated";
type Piece =
  | { readonly kind: "character"; readonly test: (char: string) => boolean; quantity: Quantity }
  | { readonly kind: "segment" }
  | { readonly kind: "anything" }
  | { readonly kind: "folders" };

/** Thrown when patterns and texts come to more work than a filter is worth. */
export class PatternWorkSpent extends Error {
  readonly code = "pattern-work-spent";
}

/** How much may be done for one filter: pieces of patterns times places in texts. */
export class PatternWork {
  #left: number;

  constructor(max: number = PATTERN_WORK_MAX) {
    this.#left = max;
  }

  /** Throws `PatternWorkSpent`. */
  spend(places: number): void {
    this.#left -= places;
    if (this.#left < 0) throw new PatternWorkSpent("the patterns are too much work");
  }
}

const compiled = new Map<string, readonly Piece[]>();
let compiledChars = 0;
const COMPILED_PATTERNS_MAX = 2_000;
/** Of the patterns that are kept, together: each becomes a piece that takes many times as much. */
const COMPILED_CHARS_MAX = 128 * 1024;

/** What is wrong with a pattern, if anything is. */
export function explainPattern(pattern: string): string | undefined {
  const parsed = parsePattern(pattern.startsWith("!") ? pattern.slice(1) : pattern);
  return typeof parsed === "string" ? parsed : undefined;
}

/** Whether one pattern (without its `!`) matches the whole text. A pattern with an error matches nothing. */
export function matchPattern(pattern: string, text: string, work: PatternWork = new PatternWork()): boolean {
  let pieces = compiled.get(pattern);
  if (pieces === undefined) {
    const parsed = parsePattern(pattern);
    if (typeof parsed === "string") return false;
    pieces = parsed;
    compiledChars += pattern.length;
    if (compiled.size >= COMPILED_PATTERNS_MAX || compiledChars > COMPILED_CHARS_MAX) {
      compiled.clear();
      compiledChars = pattern.length;
    }
    compiled.set(pattern, pieces);
  }
  return run(pieces, text, work);
}

/** Ordered patterns: the last one that matches decides, `!` takes out again. Throws `PatternWorkSpent`. */
export function matchPatterns(
  patterns: readonly string[],
  text: string,
  work: PatternWork = new PatternWork(),
): boolean {
  let isMatched = false;
  for (const pattern of patterns) {
    const isNegative = pattern.startsWith("!");
    if (isMatched !== isNegative) continue;
    if (matchPattern(isNegative ? pattern.slice(1) : pattern, text, work)) isMatched = !isNegative;
  }
  return isMatched;
}

function parsePattern(pattern: string): Piece[] | string {
  if (pattern === "") return "an empty pattern matches nothing";
  if (pattern.length > PATTERN_CHARS_MAX) return `longer than ${PATTERN_CHARS_MAX} characters`;
  const pieces: Piece[] = [];
  let at = 0;
  while (at < pattern.length) {
    const char = pattern[at] ?? "";
    if (char === "*") {
      const isDouble = pattern[at + 1] === "*";
      const isFolder = at === 0 || pattern[at - 1] === "/";
      if (isDouble && pattern[at + 2] === "/" && isFolder) pieces.push({ kind: "folders" });
      else pieces.push({ kind: isDouble ? "anything" : "segment" });
      at += isDouble ? (pattern[at + 2] === "/" && isFolder ? 3 : 2) : 1;
    } else if (char === "?" || char === "+") {
      const last = pieces.at(-1);
      if (last === undefined) return `'${char}' has nothing before it`;
      if (last.kind === "character") last.quantity = char === "?" ? "optional" : "repeated";
      at += 1;
    } else if (char === "[") {
      const end = pattern.indexOf("]", at + 2);
      if (end < 0) return "'[' is not closed";
      const test = parseClass(pattern.slice(at + 1, end));
      if (typeof test === "string") return test;
      pieces.push({ kind: "character", test, quantity: "one" });
      at = end + 1;
    } else {
      const literal = char === "\\" ? (pattern[at + 1] ?? "") : char;
      if (literal === "") return "'\\' has nothing after it";
      pieces.push({ kind: "character", test: (one) => one === literal, quantity: "one" });
      at += char === "\\" ? 2 : 1;
    }
  }
  return pieces;
}

function parseClass(text: string): ((char: string) => boolean) | string {
  const ranges: [string, string][] = [];
  for (let at = 0; at < text.length; at += 1) {
    const from = text[at] ?? "";
    if (text[at + 1] === "-" && at + 2 < text.length) {
      const to = text[at + 2] ?? "";
      if (to < from) return `the range '${from}-${to}' runs backwards`;
      ranges.push([from, to]);
      at += 2;
    } else {
      ranges.push([from, from]);
    }
  }
  return (char) => ranges.some(([from, to]) => char >= from && char <= to);
}

/** Which places of the text can be reached after each piece. */
function run(pieces: readonly Piece[], text: string, work: PatternWork): boolean {
  const start = skipLiterals(pieces, text);
  work.spend(Math.max(start, 0) + 1);
  if (start < 0) return false;
  let reached = new Uint8Array(text.length + 1);
  reached[start] = 1;
  let from = start;
  for (const piece of pieces.slice(start)) {
    work.spend(text.length + 1 - from);
    const next = new Uint8Array(text.length + 1);
    for (let at = from; at <= text.length; at += 1) step({ piece, text, at, reached, next });
    reached = next;
    from = reached.indexOf(1);
    if (from < 0) return false;
  }
  return reached[text.length] === 1;
}

/** How many characters at the beginning stand for themselves, or -1 when the text differs there, as most texts do. */
function skipLiterals(pieces: readonly Piece[], text: string): number {
  let count = 0;
  for (const piece of pieces) {
    if (piece.kind !== "character" || piece.quantity !== "one") break;
    const char = text[count];
    if (char === undefined || !piece.test(char)) return -1;
    count += 1;
  }
  return count;
}

function step({
  piece,
  text,
  at,
  reached,
  next,
}: {
  piece: Piece;
  text: string;
  at: number;
  reached: Uint8Array;
  next: Uint8Array;
}): void {
  const char = text[at] ?? "";
  const isHere = reached[at] === 1;
  switch (piece.kind) {
    case "character":
      if (isHere && piece.quantity === "optional") next[at] = 1;
      if (char !== "" && piece.test(char) && (isHere || (piece.quantity === "repeated" && next[at] === 1))) {
        next[at + 1] = 1;
      }
      return;
    case "segment":
    case "anything":
      if (isHere) next[at] = 1;
      if (next[at] === 1 && char !== "" && (piece.kind === "anything" || char !== "/")) next[at + 1] = 1;
      return;
    case "folders":
      if (isHere) {
        next[at] = 1;
        // From here on every `/` ends a run of folders.
        for (let slash = text.indexOf("/", at); slash >= 0; slash = text.indexOf("/", slash + 1)) {
          if (next[slash + 1] === 1) break;
          next[slash + 1] = 1;
        }
      }
  }
}

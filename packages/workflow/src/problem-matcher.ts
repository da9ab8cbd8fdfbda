import { ANNOTATION_MESSAGE_CHARS_MAX, type Annotation, type AnnotationLevel } from "@windrow/model";

/** Matchers that one file may define, and patterns of one of them. */
export const MATCHERS_PER_FILE_MAX = 50;
export const MATCHER_PATTERNS_MAX = 16;

/** One regular expression with the groups (from 0: the whole match) that hold the parts of a remark. */
export interface MatcherPattern {
  readonly regexp: RegExp;
  readonly loop: boolean;
  readonly groups: { readonly [part in MatcherPart]?: number };
}

const PARTS = ["file", "fromPath", "line", "endLine", "column", "endColumn", "severity", "code", "message"] as const;
type MatcherPart = (typeof PARTS)[number];

/** Finds remarks of one tool in lines of output: one line, or several that follow one another. */
export interface ProblemMatcher {
  readonly owner: string;
  readonly severity: string;
  readonly patterns: readonly MatcherPattern[];
}

export type ProblemMatchers =
  | { readonly kind: "matchers"; readonly matchers: readonly ProblemMatcher[] }
  /** A sentence that says what is wrong with the file. */
  | { readonly kind: "problem"; readonly why: string };

/** Reads a file of problem matchers as the command `add-matcher` names it. It comes from a job: nothing in it is trusted. */
export function parseProblemMatchers(text: string): ProblemMatchers {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return { kind: "problem", why: "it is not JSON" };
  }
  const list = property(parsed, "problemMatcher");
  if (!Array.isArray(list)) return { kind: "problem", why: "it has no list 'problemMatcher'" };
  if (list.length > MATCHERS_PER_FILE_MAX) {
    return { kind: "problem", why: `it has more than ${MATCHERS_PER_FILE_MAX} matchers` };
  }
  const matchers: ProblemMatcher[] = [];
  for (const entry of list) {
    const matcher = readMatcher(entry);
    if (typeof matcher === "string") return { kind: "problem", why: matcher };
    matchers.push(matcher);
  }
  return { kind: "matchers", matchers };
}

function readMatcher(entry: unknown): ProblemMatcher | string {
  const owner = property(entry, "owner");
  if (typeof owner !== "string" || owner === "") return "a matcher has no 'owner'";
  const severity = property(entry, "severity");
  const list = property(entry, "pattern");
  if (!Array.isArray(list) || list.length === 0) return `the matcher '${owner}' has no 'pattern'`;
  if (list.length > MATCHER_PATTERNS_MAX) {
    return `the matcher '${owner}' has more than ${MATCHER_PATTERNS_MAX} patterns`;
  }
  const patterns: MatcherPattern[] = [];
  for (const [index, item] of list.entries()) {
    const pattern = readPattern(item);
    if (typeof pattern === "string") return `the matcher '${owner}': ${pattern}`;
    const isLast = index === list.length - 1;
    if (pattern.loop && (!isLast || index === 0)) return `the matcher '${owner}': only the last of several may loop`;
    if (isLast && pattern.groups.message === undefined) {
      return `the matcher '${owner}': the last pattern names no group for 'message'`;
    }
    patterns.push(pattern);
  }
  return { owner, severity: typeof severity === "string" ? severity : "", patterns };
}

function readPattern(item: unknown): MatcherPattern | string {
  const source = property(item, "regexp");
  if (typeof source !== "string") return "a pattern has no 'regexp'";
  let regexp: RegExp;
  try {
    regexp = new RegExp(source);
  } catch (error) {
    return `'${source.slice(0, 100)}' is no regular expression: ${error instanceof Error ? error.message : ""}`;
  }
  const groups: { [part in MatcherPart]?: number } = {};
  for (const part of PARTS) {
    const group = property(item, part);
    if (typeof group === "number" && Number.isInteger(group) && group >= 0) groups[part] = group;
  }
  return { regexp, loop: property(item, "loop") === true, groups };
}

function property(holder: unknown, name: string): unknown {
  return typeof holder === "object" && holder !== null && Object.hasOwn(holder, name)
    ? Reflect.get(holder, name)
    : undefined;
}

type Parts = { readonly [part in MatcherPart]?: string };

/** One matcher on its way through the lines of a step's output, in order. */
export interface MatcherRun {
  readonly matcher: ProblemMatcher;
  /** The remark that ends with this line, if one does. */
  take(line: string): Annotation | undefined;
  /** Another output begins: what was matched so far does not go on in it. */
  reset(): void;
}

export function startMatcher(matcher: ProblemMatcher): MatcherRun {
  const { patterns } = matcher;
  /** Of every pattern but the last: what matched up to there. */
  let matched: (Parts | undefined)[] = patterns.map(() => undefined);
  const lastIndex = patterns.length - 1;
  return {
    matcher,
    reset() {
      matched = patterns.map(() => undefined);
    },
    take(line) {
      // From the last pattern to the first, so that no line serves two of them at once.
      for (let index = lastIndex; index >= 0; index--) {
        const pattern = patterns[index];
        const before = index === 0 ? {} : matched[index - 1];
        if (pattern === undefined || before === undefined) continue;
        const match = pattern.regexp.exec(line);
        if (match === null) {
          matched[index === lastIndex ? Math.max(0, index - 1) : index] = undefined;
          continue;
        }
        const parts = { ...before, ...toParts(pattern, match) };
        if (index < lastIndex) {
          matched[index] = parts;
          continue;
        }
        if (!pattern.loop) matched = patterns.map(() => undefined);
        return toAnnotation(parts, matcher.severity);
      }
      return undefined;
    },
  };
}

function toParts(pattern: MatcherPattern, match: RegExpExecArray): Parts {
  const parts: { [part in MatcherPart]?: string } = {};
  for (const part of PARTS) {
    const group = pattern.groups[part];
    const text = group === undefined ? undefined : match[group];
    if (text !== undefined && text !== "") parts[part] = text.trim();
  }
  return parts;
}

/** A remark without words is none; neither is one of a severity that no level stands for. */
function toAnnotation(parts: Parts, defaultSeverity: string): Annotation | undefined {
  const { message, code, file } = parts;
  const level = toLevel(parts.severity ?? defaultSeverity);
  if (message === undefined || message === "" || level === undefined) return undefined;
  const line = toNumber(parts.line);
  const endLine = toNumber(parts.endLine);
  const column = toNumber(parts.column);
  const endColumn = toNumber(parts.endColumn);
  return {
    level,
    message: message.slice(0, ANNOTATION_MESSAGE_CHARS_MAX),
    ...(code !== undefined && { title: code }),
    ...(file !== undefined && { file }),
    ...(line !== undefined && { line }),
    ...(endLine !== undefined && { endLine }),
    ...(column !== undefined && { column }),
    ...(endColumn !== undefined && { endColumn }),
  };
}

function toLevel(severity: string): AnnotationLevel | undefined {
  switch (severity.trim().toLowerCase()) {
    case "":
    case "error":
      return "error";
    case "warning":
      return "warning";
    case "notice":
    case "info":
      return "notice";
    default:
      return undefined;
  }
}

function toNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

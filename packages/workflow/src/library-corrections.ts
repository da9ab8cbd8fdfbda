/*
 * `@actions/workflow-parser` and `@actions/expressions` are an editor's libraries. Everything in which 0.3.61 differs
 * from the documented language is corrected here, from outside; `library-corrections.test.ts` fails for each
 * correction on the day upstream no longer needs it.
 */
import { data, Lexer } from "@actions/expressions";
import type { Pair } from "@actions/expressions/data/expressiondata";
import { type Token, TokenType } from "@actions/expressions/lexer";
import { isNumber, isString } from "@actions/workflow-parser";
import { MappingDefinition } from "@actions/workflow-parser/templates/schema/mapping-definition";
import { OneOfDefinition } from "@actions/workflow-parser/templates/schema/one-of-definition";
import { StringDefinition } from "@actions/workflow-parser/templates/schema/string-definition";
import { TemplateSchema } from "@actions/workflow-parser/templates/schema/template-schema";
import {
  type LiteralToken,
  type MappingToken,
  NumberToken,
  type SequenceToken,
  StringToken,
} from "@actions/workflow-parser/templates/tokens/index";
import { getWorkflowSchema } from "@actions/workflow-parser/workflows/workflow-schema";
import { YamlObjectReader } from "@actions/workflow-parser/workflows/yaml-object-reader";
import type { Position } from "@windrow/model";
import { isScalar, Scalar, visit, type YAMLWarning } from "yaml";
import { formatNumber } from "./format-number.ts";
import { DEPTH_MAX, NODES_MAX } from "./limits.ts";

const OPEN = "${{";

/** Why reading stopped early: a limit of ours, at a position. */
export interface ReaderLimit {
  readonly code: "limit-depth" | "limit-nodes" | "map-key";
  readonly message: string;
  readonly position: Position;
}

/** Stops the library's reader; the reason is in `WorkflowReader.limit`. */
class ReaderStopped extends Error {
  readonly code = "reader-stopped";
}

/** A number that becomes a text as expressions write it; the library writes it as JavaScript does. */
class LanguageNumberToken extends NumberToken {
  override toString(): string {
    return formatNumber(this.value);
  }
}

/** A `!word` before a value, which YAML reads as the name of a type. */
export interface UnknownTag {
  readonly tag: string;
  readonly position: Position;
}

interface MultiLineScalar {
  readonly startLine: number;
  readonly endLine: number;
  readonly startOffset: number;
  readonly value: string;
}

/**
 * The library's YAML reader with three corrections (scalars over several lines are evaluated after YAML processing, not
 * from their raw source; keys that are numbers or booleans become text; a flow map may omit values) and with limits on depth and on the number of
 * values, which the library lacks. It also knows which tokens are keys.
 */
export class WorkflowReader extends YamlObjectReader {
  limit: ReaderLimit | undefined;
  readonly unknownTags: readonly UnknownTag[];
  readonly #lineStarts: number[] = [0];
  readonly #text: string;
  readonly #scalars: MultiLineScalar[] = [];
  readonly #keys = new Set<string>();
  #depth = 0;
  #nodes = 0;

  constructor(fileId: number, text: string) {
    super(fileId, text);
    this.#text = text;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#lineStarts.push(at + 1);
    // `{push, pull_request}`: a flow map without values makes the library take the next key for the value.
    this.unknownTags = this.#findUnknownTags();
    if (text.includes("{")) {
      // biome-ignore lint/complexity/useLiteralKeys: the member is private to the library's types.
      visit(this["doc"], {
        Pair: (_, pair) => {
          if (pair.value !== null || !isScalar(pair.key)) return;
          const empty = new Scalar(null);
          empty.range = pair.key.range;
          pair.value = empty;
        },
      });
    }
  }

  /** The YAML library only warns of them. */
  #findUnknownTags(): UnknownTag[] {
    // biome-ignore lint/complexity/useLiteralKeys: the member is private to the library's types.
    const warnings: readonly YAMLWarning[] = this["doc"].warnings;
    return warnings.flatMap(({ code, message, pos }) => {
      if (code !== "TAG_RESOLVE_FAILED") return [];
      const tag = /^Unresolved tag: (\S+)/.exec(message)?.[1] ?? "";
      return [{ tag, position: this.#positionAt(pos[0]) }];
    });
  }

  override allowLiteral(): LiteralToken | undefined {
    const token = super.allowLiteral();
    if (token === undefined) return undefined;
    this.#count(token);
    if (isNumber(token)) return new LanguageNumberToken(token.file, token.range, token.value, undefined);
    if (!isString(token)) return token;
    const range = token.range;
    // The library builds keys without a source; every scalar value has one.
    if (token.source === undefined) {
      const key: unknown = token.value;
      if (range !== undefined) this.#keys.add(`${range.start.line}:${range.start.column}`);
      if (typeof key === "string") return token;
      if (key === undefined || (key !== null && typeof key === "object")) {
        this.#stop("map-key", "the key of a map must be plain text", token);
      }
      return new StringToken(token.file, range, String(key), undefined);
    }
    if (range === undefined || range.start.line === range.end.line) return token;
    if (token.value.includes(OPEN))
      this.#scalars.push({
        startLine: range.start.line,
        // The range of a block ends where the next line begins.
        endLine: range.end.column === 1 ? range.end.line - 1 : range.end.line,
        startOffset: (this.#lineStarts[range.start.line - 1] ?? 0) + range.start.column - 1,
        value: token.value,
      });
    return new StringToken(token.file, range, token.value, undefined, token.value, token.blockScalarHeader);
  }

  override allowSequenceStart(): SequenceToken | undefined {
    const token = super.allowSequenceStart();
    if (token !== undefined) this.#enter(token);
    return token;
  }

  override allowSequenceEnd(): boolean {
    const ended = super.allowSequenceEnd();
    if (ended) this.#depth -= 1;
    return ended;
  }

  override allowMappingStart(): MappingToken | undefined {
    const token = super.allowMappingStart();
    if (token !== undefined) this.#enter(token);
    return token;
  }

  override allowMappingEnd(): boolean {
    const ended = super.allowMappingEnd();
    if (ended) this.#depth -= 1;
    return ended;
  }

  isKeyAt(position: Position): boolean {
    return this.#keys.has(`${position.line}:${position.column}`);
  }

  /**
   * The library counts lines and columns of an expression inside a scalar over several lines in the processed text;
   * this finds the same expression in the file.
   */
  locate(position: Position): Position {
    const scalar = this.#scalars.find((one) => one.startLine < position.line && position.line <= one.endLine);
    if (scalar === undefined) return position;
    const lines = scalar.value.split("\n").slice(0, position.line - scalar.startLine - 1);
    const offset = lines.reduce((sum, line) => sum + line.length + 1, 0) + position.column - 1;
    let at = this.#text.indexOf(OPEN, scalar.startOffset);
    let seen = scalar.value.indexOf(OPEN);
    if (at < 0 || seen < 0) return { line: scalar.startLine, column: 1 };
    for (let next = scalar.value.indexOf(OPEN, seen + 1); next >= 0 && next <= offset; ) {
      at = this.#text.indexOf(OPEN, at + 1);
      seen = next;
      next = scalar.value.indexOf(OPEN, next + 1);
    }
    // A place inside an expression is as far from its beginning in the file, unless a line ends between them.
    const within = Math.max(0, offset - seen);
    return this.#positionAt(scalar.value.slice(seen, offset).includes("\n") ? at : at + within);
  }

  #positionAt(offset: number): Position {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }

  #enter(token: SequenceToken | MappingToken): void {
    this.#count(token);
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) {
      this.#stop("limit-depth", `maps and lists are nested more than ${DEPTH_MAX} deep`, token);
    }
  }

  #count(token: LiteralToken | SequenceToken | MappingToken): void {
    this.#nodes += 1;
    if (this.#nodes > NODES_MAX) {
      this.#stop("limit-nodes", `the file has more than ${NODES_MAX} values once its aliases are expanded`, token);
    }
  }

  #stop(code: ReaderLimit["code"], message: string, token: LiteralToken | SequenceToken | MappingToken): never {
    this.limit ??= { code, message, position: { line: token.line ?? 1, column: token.col ?? 1 } };
    throw new ReaderStopped(message);
  }
}

let workflowSchema: TemplateSchema | undefined;

/** What of `on:` may be left empty; lists that have a type of their own in the schema. */
const EMPTY_ALLOWED =
  /^(?:event-|.*-activity$|workflow-run-workflows$|workflow-(?:call|dispatch)-(?:inputs|secrets|outputs)$)/;

/**
 * The library's schema, in which filters, types and inputs of an event may also be left empty, as in files that run on
 * the forge: its service reads `on:` with a looser schema than its editor. And `on: repository_dispatch` is known.
 */
export function correctedWorkflowSchema(): TemplateSchema {
  if (workflowSchema !== undefined) return workflowSchema;
  const upstream = getWorkflowSchema();
  const schema = new TemplateSchema();
  Object.assign(schema.definitions, upstream.definitions);
  for (const [name, definition] of Object.entries(upstream.definitions)) {
    if (!EMPTY_ALLOWED.test(name)) continue;
    const orEmpty = new OneOfDefinition(name);
    if (definition instanceof OneOfDefinition) {
      orEmpty.oneOf.push("null", ...definition.oneOf);
    } else {
      schema.definitions[`written-${name}`] = definition;
      orEmpty.oneOf.push("null", `written-${name}`);
    }
    schema.definitions[name] = orEmpty;
  }
  // upstream asks for the name of another event
  const repositoryDispatch = new StringDefinition("repository-dispatch-string");
  repositoryDispatch.constant = "repository_dispatch";
  schema.definitions["repository-dispatch-string"] = repositoryDispatch;
  workflowSchema = withOwnKeys(schema);
  return workflowSchema;
}

/** The library asks plain objects for keys, so that it finds `constructor` in each and stumbles over it. */
export function withOwnKeys(schema: TemplateSchema): TemplateSchema {
  for (const definition of Object.values(schema.definitions)) {
    if (definition instanceof MappingDefinition) Object.setPrototypeOf(definition.properties, null);
  }
  return schema;
}

/** Lexes an expression; the library un-escapes only the first `''` of a string. */
export function lexExpression(text: string): Token[] {
  return new Lexer(text)
    .lex()
    .tokens.map((token) =>
      token.type === TokenType.STRING ? { ...token, value: token.lexeme.slice(1, -1).replaceAll("''", "'") } : token,
    );
}

/**
 * A dictionary for the evaluator. The library's own keeps its index in a plain object, so that a key named
 * `constructor` is lost, and ignores case always: `env.Foo` and `env.FOO` are two variables on Linux.
 */
export class ContextDictionary extends data.Dictionary {
  readonly #entries = new Map<string, Pair>();
  readonly #caseSensitive: boolean;

  constructor({ caseSensitive }: { caseSensitive: boolean }) {
    super();
    this.#caseSensitive = caseSensitive;
  }

  override add(key: string, value: data.ExpressionData): void {
    const index = this.#caseSensitive ? key : key.toLowerCase();
    if (!this.#entries.has(index)) this.#entries.set(index, { key, value });
  }

  override get(key: string): data.ExpressionData | undefined {
    return this.#entries.get(this.#caseSensitive ? key : key.toLowerCase())?.value;
  }

  override values(): data.ExpressionData[] {
    return [...this.#entries.values()].map((pair) => pair.value);
  }

  override pairs(): Pair[] {
    return [...this.#entries.values()];
  }
}

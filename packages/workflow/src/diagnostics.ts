import type { Diagnostic, Position } from "@windrow/model";
import { DIAGNOSTIC_CHARS_MAX, DIAGNOSTICS_KEPT_MAX, DIAGNOSTICS_MAX } from "./limits.ts";

/** One complaint without its place; `code` is stable, `hint` says what to do next. */
export interface Complaint {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

interface Collection {
  readonly all: Diagnostic[];
  readonly seen: Set<string>;
  readonly counts: { error: number; warning: number };
}

/** Collects the complaints about one file, so that one mistake does not hide the next. */
export class Diagnostics {
  readonly #file: string;
  readonly #collection: Collection;
  readonly #locate: (position: Position) => Position;

  constructor(file: string, through?: { collection: Collection; locate: (position: Position) => Position }) {
    this.#file = file;
    this.#collection = through?.collection ?? { all: [], seen: new Set(), counts: { error: 0, warning: 0 } };
    this.#locate = through?.locate ?? ((position) => position);
  }

  /** The same collection, for complaints whose positions must be translated first. */
  through(locate: (position: Position) => Position): Diagnostics {
    return new Diagnostics(this.#file, { collection: this.#collection, locate });
  }

  error(position: Position, complaint: Complaint): void {
    this.#add("error", position, complaint);
  }

  warning(position: Position, complaint: Complaint): void {
    this.#add("warning", position, complaint);
  }

  get hasErrors(): boolean {
    return this.#collection.counts.error > 0;
  }

  /** In the order of the file, errors before warnings at the same place, at most `DIAGNOSTICS_MAX`. */
  list(): Diagnostic[] {
    const sorted = this.#collection.all.toSorted(
      (a, b) => a.line - b.line || a.column - b.column || a.severity.localeCompare(b.severity),
    );
    const { error, warning } = this.#collection.counts;
    if (error + warning <= DIAGNOSTICS_MAX) return sorted;
    const errorsFirst = sorted.toSorted((a, b) => a.severity.localeCompare(b.severity));
    const shown = errorsFirst.slice(0, DIAGNOSTICS_MAX - 1);
    const rest = error + warning - shown.length;
    return [
      ...shown,
      {
        severity: this.hasErrors ? "error" : "warning",
        code: "limit-diagnostics",
        message: `${rest} more complaints are not shown (limit: ${DIAGNOSTICS_MAX})`,
        file: this.#file,
        line: 1,
        column: 1,
      },
    ];
  }

  #add(severity: Diagnostic["severity"], position: Position, complaint: Complaint): void {
    const { seen, all, counts } = this.#collection;
    if (counts[severity] >= DIAGNOSTICS_KEPT_MAX) {
      counts[severity] += 1;
      return;
    }
    const { line, column } = this.#locate(position);
    const { code, message, hint } = complaint;
    const key = `${line}:${column}:${shorten(message)}`;
    if (seen.has(key)) return;
    seen.add(key);
    counts[severity] += 1;
    const said = { code, message: shorten(message), ...(hint !== undefined && { hint: shorten(hint) }) };
    all.push({ severity, ...said, file: this.#file, line, column });
  }
}

function shorten(sentence: string): string {
  return sentence.length > DIAGNOSTIC_CHARS_MAX ? `${sentence.slice(0, DIAGNOSTIC_CHARS_MAX)}…` : sentence;
}

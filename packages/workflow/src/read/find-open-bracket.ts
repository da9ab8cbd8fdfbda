import type { Position } from "@windrow/model";
import { type CST, LineCounter, Parser } from "yaml";

/** A `[` or `{` that nothing closes. */
export interface OpenBracket {
  readonly position: Position;
  readonly closing: "]" | "}";
}

/**
 * Where the first list or map in brackets stands that is never closed: the YAML library complains at the place where it
 * gave up, which may be many lines below. Undefined when every bracket is closed.
 */
export function findOpenBracket(text: string): OpenBracket | undefined {
  const lines = new LineCounter();
  for (const document of new Parser(lines.addNewLine).parse(text)) {
    const waiting: (CST.Token | null | undefined)[] = [document];
    for (let token = waiting.pop(); token !== undefined; token = waiting.pop()) {
      if (token === null) continue;
      if (token.type === "flow-collection") {
        if (!token.end.some(({ type }) => type === "flow-seq-end" || type === "flow-map-end")) {
          const { line, col } = lines.linePos(token.start.offset);
          return { position: { line, column: col }, closing: token.start.source === "[" ? "]" : "}" };
        }
      }
      if (token.type === "document") waiting.push(token.value ?? null);
      if ("items" in token) {
        // the last one waits on top, so that they are looked at in the order of the file
        for (const item of token.items.toReversed()) waiting.push(item.value ?? null, item.key ?? null);
      }
    }
  }
  return undefined;
}

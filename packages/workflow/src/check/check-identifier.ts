import type { Position } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";

const IDENTIFIER_CHARS_MAX = 100;

/** Job keys and step ids: a letter or `_`, then letters, digits, `_` and `-`. */
export function checkIdentifier(written: string, what: string, at: Position, diagnostics: Diagnostics): void {
  if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(written) && written.length < IDENTIFIER_CHARS_MAX) {
    if (!written.startsWith("__")) return;
    diagnostics.error(at, {
      code: "invalid-id",
      message: `the ${what} id '${written}' is reserved`,
      hint: "ids do not start with two underscores",
    });
    return;
  }
  diagnostics.error(at, {
    code: "invalid-id",
    message: `'${written.slice(0, IDENTIFIER_CHARS_MAX)}' cannot be the id of a ${what}`,
    hint: `a letter or _, then letters, digits, _ and -, fewer than ${IDENTIFIER_CHARS_MAX} characters`,
  });
}

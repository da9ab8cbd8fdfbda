import type { Position } from "@windrow/model";
import type { CompiledExpression } from "../compile-expression.ts";
import type { Diagnostics } from "../diagnostics.ts";

/** Refuses by name what the language has and the farm cannot do yet. */
export function refuse(diagnostics: Diagnostics, at: Position, what: string, hint?: string): void {
  diagnostics.error(at, {
    code: "unsupported",
    message: `${what} is not supported yet`,
    hint: hint ?? "remove it; the compatibility table lists what is supported",
  });
}

/** Names what is accepted without effect. */
export function ignore(diagnostics: Diagnostics, at: Position, what: string, hint: string): void {
  diagnostics.warning(at, { code: "no-effect", message: `${what} has no effect yet`, hint });
}

const REFUSED_CONTEXTS: ReadonlyMap<string, string> = new Map([
  ["secrets", "`github.token` is available without the secrets context"],
  ["vars", "put the value into `env` of the workflow"],
  ["inputs", "put the value into `env` of the workflow"],
]);

/** Refuses the contexts that exist in the language and are not filled yet. */
export function refuseContexts(expression: CompiledExpression, at: Position, diagnostics: Diagnostics): void {
  for (const { context, property } of expression.uses) {
    const hint = REFUSED_CONTEXTS.get(context);
    if (hint === undefined) continue;
    refuse(diagnostics, at, `the context '${property === undefined ? context : `${context}.${property}`}'`, hint);
  }
}

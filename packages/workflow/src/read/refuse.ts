import type { Position } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";

/** Refuses by name what the language has and the farm cannot do. */
export function refuse(diagnostics: Diagnostics, at: Position, what: string, hint?: string): void {
  diagnostics.error(at, {
    code: "unsupported",
    message: `${what} is not supported`,
    hint: hint ?? "remove it; the compatibility table lists what is supported",
  });
}

/** Names what is accepted without effect. */
export function ignore(diagnostics: Diagnostics, at: Position, what: string, hint: string): void {
  diagnostics.warning(at, { code: "no-effect", message: `${what} has no effect yet`, hint });
}

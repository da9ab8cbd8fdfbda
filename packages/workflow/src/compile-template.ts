import type { Template } from "@windrow/model";
import { type CompiledExpression, compileExpression } from "./compile-expression.ts";
import { ExpressionFailure } from "./expression-failure.ts";

export type TemplateSegment = { readonly literal: string } | { readonly expression: CompiledExpression };

/**
 * Cuts a text into literal pieces and compiled `${{ }}` expressions. Quotes inside an expression protect `}}`.
 * Throws `ExpressionFailure` for an expression that is not closed or does not compile.
 */
export function compileTemplate(template: Template): readonly TemplateSegment[] {
  const segments: TemplateSegment[] = [];
  let at = 0;
  while (at < template.length) {
    const open = template.indexOf("${{", at);
    if (open < 0) break;
    if (open > at) segments.push({ literal: template.slice(at, open) });
    const close = findClose(template, open + 3);
    if (close < 0) {
      throw new ExpressionFailure(template.slice(open), "the expression is not closed: }} is missing");
    }
    segments.push({ expression: compileExpression(template.slice(open + 3, close).trim()) });
    at = close + 2;
  }
  if (at < template.length) segments.push({ literal: template.slice(at) });
  return segments;
}

export function hasExpression(template: Template): boolean {
  return template.includes("${{");
}

function findClose(template: string, from: number): number {
  let inString = false;
  for (let at = from; at < template.length; at += 1) {
    const char = template[at];
    if (char === "'") inString = !inString;
    else if (!inString && char === "}" && template[at + 1] === "}") return at;
  }
  return -1;
}

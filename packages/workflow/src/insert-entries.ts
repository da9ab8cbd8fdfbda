import type { TemplateMap, Value } from "@windrow/model";
import { type ExpressionFunctions, evaluateTemplate, evaluateValue } from "./evaluate.ts";
import type { ExpressionContexts } from "./expression-data.ts";
import { ExpressionFailure } from "./expression-failure.ts";

/**
 * The name of an entry whose value is an expression that gives a whole map, whose entries stand in its place. So the
 * language writes it among other entries; an expression in place of a map (`env: ${{ matrix.env }}`) is one such entry
 * alone.
 */
export const INSERT = "${{ insert }}";

/**
 * A map with the entries that its expressions give, each as a template that means just its text. Nothing, and the empty
 * text, are an empty map. Throws `ExpressionFailure` for what is no map of texts, numbers and booleans.
 */
export function insertEntries(
  map: TemplateMap,
  contexts: () => ExpressionContexts,
  functions?: ExpressionFunctions,
): TemplateMap {
  if (!map.some(([name]) => name === INSERT)) return map;
  return map.flatMap(([name, template]): TemplateMap => {
    if (name !== INSERT) return [[name, template]];
    const value = evaluateValue(template, contexts(), functions);
    if (value === null || value === "") return [];
    if (!isMap(value)) throw new ExpressionFailure(template, "the expression in place of a map must give a map");
    return Object.entries(value).map(([key, item]) => {
      if (item !== null && typeof item === "object") {
        throw new ExpressionFailure(template, `'${key}' of the map must be a text, a number or a boolean`);
      }
      return [key, toTemplate(evaluateTemplate("${{ inputs.item }}", { inputs: { item } }))];
    });
  });
}

/** What would be read as an expression becomes the text of one. */
function toTemplate(text: string): string {
  return text.includes("${{") ? `\${{ '${text.replaceAll("'", "''")}' }}` : text;
}

const isMap = (value: Value): value is { readonly [name: string]: Value } =>
  value !== null && typeof value === "object" && !Array.isArray(value);

import fc from "fast-check";
import { expect, test } from "vitest";
import { explainPattern, matchPattern, matchPatterns } from "../src/triggers/match-pattern.ts";

/** The pattern language as a regular expression, which is short, plain, and may take for ever. */
function toRegExp(pattern: string): RegExp {
  let source = "";
  for (const [token] of pattern.matchAll(/(?<=^|\/)\*\*\/|\*\*|\*|\[[^\]]+\]|\\.|./g)) {
    if (token === "**/") source += "(?:.*/)?";
    else if (token === "**") source += ".*";
    else if (token === "*") source += "[^/]*";
    else if (token.startsWith("[") || token === "?" || token === "+") source += token;
    else source += (token.startsWith("\\") ? token.slice(1) : token).replace(/[.\\^$(){}|*+?[\]/-]/, "\\$&");
  }
  return new RegExp(`^${source}$`, "s");
}

const characters = fc.constantFrom("a", "b", "c", "/", ".", "[ab]", "[a-c]", "\\*", "|", "$");
const pieces = fc.oneof(
  fc.tuple(characters, fc.constantFrom("", "", "?", "+")).map((parts) => parts.join("")),
  fc.constantFrom("*", "**", "**/", "/**", "/**/"),
);
const patterns = fc
  .array(pieces, { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(""))
  // How often folders are repeated is nowhere said.
  .filter((pattern) => !/\*\/[?+]/.test(pattern));
const texts = fc
  .array(fc.constantFrom("a", "b", "c", "/", ".", "*", "|", "$"), { maxLength: 8 })
  .map((all) => all.join(""));

test("a pattern matches what the plain reading of it matches", () => {
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      expect(explainPattern(pattern)).toBeUndefined();
      expect([pattern, text, matchPattern(pattern, text)]).toEqual([pattern, text, toRegExp(pattern).test(text)]);
    }),
    { numRuns: 3_000 },
  );
});

test("of patterns in order the last that matches decides", () => {
  const lists = fc.array(fc.tuple(fc.boolean(), patterns), { maxLength: 5 });
  fc.assert(
    fc.property(lists, texts, (list, text) => {
      const last = list.findLast(([, pattern]) => toRegExp(pattern).test(text));
      const first = list.findIndex(([isNegative, pattern]) => !isNegative && toRegExp(pattern).test(text));
      const isMatched = first >= 0 && last?.[0] === false;
      const written = list.map(([isNegative, pattern]) => (isNegative ? `!${pattern}` : pattern));
      expect([written, text, matchPatterns(written, text)]).toEqual([written, text, isMatched]);
    }),
    { numRuns: 1_000 },
  );
});

test("any text is a pattern or is explained, and is answered either way", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (pattern, text) => {
      const isExplained = explainPattern(pattern) !== undefined;
      const answer = matchPattern(pattern.startsWith("!") ? pattern.slice(1) : pattern, text);
      expect(isExplained && answer).toBe(false);
    }),
  );
});

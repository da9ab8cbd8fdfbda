/**
 * Splits a line into words as a shell does: blanks divide, single quotes keep everything, double quotes and backslashes keep
 * what a shell lets them keep. Nothing is replaced: no variable, no command, no pattern.
 */
export function splitWords(text: string): { readonly words: readonly string[] } | { readonly problem: string } {
  const words: string[] = [];
  let word: string | undefined;
  let quote: "'" | '"' | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (quote === undefined && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word ??= "";
    if (char === quote) quote = undefined;
    else if (quote === undefined && (char === "'" || char === '"')) quote = char;
    else if (char === "\\" && quote !== "'") {
      const next = text.charAt(++at);
      if (next === "") return { problem: "it ends in a backslash" };
      if (next === "\n") continue;
      word += quote === '"' && !'"\\$`'.includes(next) ? `\\${next}` : next;
    } else word += char;
  }
  if (quote !== undefined) return { problem: `a ${quote} is not closed` };
  return { words: word === undefined ? words : [...words, word] };
}

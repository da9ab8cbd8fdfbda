import stringWidth from "string-width";

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters, and they must survive the cut
const COLOUR = /\u001b\[[0-9;:]*m/y;

/** The text in at most `columnsMax` terminal columns, cut with `…`; colours take no room and are closed after a cut. */
export function truncate(text: string, columnsMax: number): string {
  if (columnsMax <= 0) return "";
  if (stringWidth(text) <= columnsMax) return text;
  let kept = "";
  let width = 0;
  let isColoured = false;
  for (let index = 0; index < text.length; ) {
    COLOUR.lastIndex = index;
    const colour = COLOUR.exec(text)?.[0];
    if (colour !== undefined) {
      kept += colour;
      isColoured = true;
      index += colour.length;
      continue;
    }
    const escapeAt = text.indexOf("\u001b", index + 1);
    const plain = text.slice(index, escapeAt < 0 ? undefined : escapeAt);
    for (const { segment } of graphemes.segment(plain)) {
      const segmentWidth = stringWidth(segment);
      if (width + segmentWidth > columnsMax - 1) return `${kept}…${isColoured ? "\u001b[0m" : ""}`;
      kept += segment;
      width += segmentWidth;
    }
    index += plain.length;
  }
  return kept;
}

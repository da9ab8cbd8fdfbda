import stringWidth from "string-width";

/**
 * Breaks a line between words so that no piece is wider than `columns` terminal columns; pieces after the first begin
 * with `indent`. A word that is too wide by itself stays whole. Colours must be closed within a word.
 */
export function wrapText(text: string, { columns, indent }: { columns: number; indent: string }): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line.trim() !== "" && stringWidth(longer) > columns) {
      lines.push(line);
      line = indent + word;
    } else line = longer;
  }
  return [...lines, line];
}

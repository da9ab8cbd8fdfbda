import { cleanLog } from "./clean-log.ts";

/** Of a longer line so much is shown; the rest is for who asks for it. */
export const LINE_SHOWN_BYTES = 4 * 1024;

/** A piece of a log as text, and what is left out after it. */
export interface ShownPiece {
  readonly text: string;
  readonly leftOut?: { readonly from: number; readonly to: number };
}

const NEWLINE = 0x0a;

/** Log bytes that begin at `offset` of their stream as text of short lines. */
export function showLines(bytes: Buffer, offset: number): ShownPiece[] {
  const pieces: ShownPiece[] = [];
  let shownFrom = 0;
  let lineFrom = 0;
  while (lineFrom < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, lineFrom);
    const lineTo = newline === -1 ? bytes.length : newline;
    if (lineTo - lineFrom > LINE_SHOWN_BYTES) {
      const cutAt = lineFrom + LINE_SHOWN_BYTES;
      const leftOut = { from: offset + cutAt, to: offset + lineTo };
      pieces.push({ text: cleanLog(bytes.subarray(shownFrom, cutAt)), leftOut });
      shownFrom = lineTo;
    }
    lineFrom = lineTo + 1;
  }
  if (shownFrom < bytes.length) pieces.push({ text: cleanLog(bytes.subarray(shownFrom)) });
  return pieces;
}

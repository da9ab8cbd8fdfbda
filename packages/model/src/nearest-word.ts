/** The candidate that differs least from `word`, or nothing when none is near (a third of its letters may differ). */
export function nearestWord(word: string, candidates: Iterable<string>): string | undefined {
  const differencesMax = Math.max(1, Math.floor(word.length / 3));
  let best: { candidate: string; differences: number } | undefined;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > differencesMax) continue;
    const differences = countDifferences(word.toLowerCase(), candidate.toLowerCase());
    if (differences <= differencesMax && differences < (best?.differences ?? Number.POSITIVE_INFINITY)) {
      best = { candidate, differences };
    }
  }
  return best?.candidate;
}

/** Insertions, removals, replacements and swaps of neighbours that lead from `from` to `to`. */
function countDifferences(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= from.length; row++) {
    rows.push([row]);
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      let least = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (isSame ? 0 : 1),
      );
      const isSwap = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (isSwap) least = Math.min(least, at(row - 2, column - 2) + 1);
      rows[row]?.push(least);
    }
  }
  return at(from.length, to.length);
}

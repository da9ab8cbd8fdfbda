/** One folder or file under the two names it has. */
export interface PathPair {
  readonly machine: string;
  /** Where a step finds it. */
  readonly seen: string;
}

/** Names of the same files on the machine and where a step runs. What stands in no folder of the table keeps its name. */
export interface PathTable {
  /** What a step calls a path of the machine. */
  show(machinePath: string): string;
  /** What the machine calls a path that a step names. */
  find(seenPath: string): string;
}

export const SAME_PATHS: PathTable = { show: (path) => path, find: (path) => path };

/** Of folders within one another the innermost counts. */
export function createPathTable(pairs: readonly PathPair[]): PathTable {
  const byMachine = pairs.map(({ machine, seen }) => [machine, seen] as const).sort(longestFirst);
  const bySeen = pairs.map(({ machine, seen }) => [seen, machine] as const).sort(longestFirst);
  return { show: (path) => translate(path, byMachine), find: (path) => translate(path, bySeen) };
}

type Pair = readonly [from: string, to: string];

const longestFirst = ([a]: Pair, [b]: Pair): number => b.length - a.length;

function translate(path: string, pairs: readonly Pair[]): string {
  for (const [from, to] of pairs) {
    if (path === from) return to;
    if (path.startsWith(`${from}/`)) return `${to}${path.slice(from.length)}`;
  }
  return path;
}

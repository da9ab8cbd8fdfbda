/** What happens when, the earliest first; at one time in the order it was added. */
export interface Timeline<T> {
  add(atMs: number, value: T): void;
  nextMs(): number | undefined;
  /** Everything of that moment. */
  take(atMs: number): T[];
}

interface Entry<T> {
  readonly atMs: number;
  readonly no: number;
  readonly value: T;
}

export function createTimeline<T>(): Timeline<T> {
  const heap: Entry<T>[] = [];
  let count = 0;
  const isBefore = (a: Entry<T>, b: Entry<T>): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.no < b.no);

  function swap(a: number, b: number): void {
    const [first, second] = [heap[a], heap[b]];
    if (first === undefined || second === undefined) return;
    heap[a] = second;
    heap[b] = first;
  }

  function isHigher(a: number, b: number): boolean {
    const [first, second] = [heap[a], heap[b]];
    return first !== undefined && (second === undefined || isBefore(first, second));
  }

  function pop(): Entry<T> | undefined {
    swap(0, heap.length - 1);
    const top = heap.pop();
    for (let at = 0; ; ) {
      const child = isHigher(2 * at + 2, 2 * at + 1) ? 2 * at + 2 : 2 * at + 1;
      if (!isHigher(child, at)) return top;
      swap(at, child);
      at = child;
    }
  }

  return {
    add(atMs, value) {
      heap.push({ atMs, no: count++, value });
      for (let at = heap.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1;
        if (!isHigher(at, parent)) return;
        swap(at, parent);
        at = parent;
      }
    },
    nextMs: () => heap[0]?.atMs,
    take(atMs) {
      const taken: T[] = [];
      while (heap[0]?.atMs === atMs) {
        const entry = pop();
        if (entry !== undefined) taken.push(entry.value);
      }
      return taken;
    },
  };
}

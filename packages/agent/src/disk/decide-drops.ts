export interface RoomFacts {
  readonly stores: readonly { readonly name: string; readonly bytes: number }[];
  /** What all of them may take together. */
  readonly cacheBytesMax: number;
  readonly freeBytes: number;
  readonly reserveBytes: number;
}

/** What each cache is to shrink to. The largest gives first: what stands longest unused in it is most likely missed least. */
export function decideDrops(facts: RoomFacts): { readonly name: string; readonly bytesMax: number }[] {
  const { stores, cacheBytesMax, freeBytes, reserveBytes } = facts;
  const totalBytes = stores.reduce((sum, { bytes }) => sum + bytes, 0);
  let excess = Math.max(totalBytes - cacheBytesMax, reserveBytes - freeBytes);
  const drops: { name: string; bytesMax: number }[] = [];
  for (const { name, bytes } of [...stores].sort((a, b) => b.bytes - a.bytes)) {
    if (excess <= 0 || bytes === 0) break;
    const bytesMax = Math.max(0, bytes - excess);
    drops.push({ name, bytesMax });
    excess -= bytes - bytesMax;
  }
  return drops;
}

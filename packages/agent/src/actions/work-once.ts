/**
 * Does something once for all who ask for it at the same time. Who waited for another's try that failed tries again
 * itself: the other's own end may have cut it short, which says nothing about this one.
 */
export async function workOnce<T>(running: Map<string, Promise<T>>, key: string, work: () => Promise<T>): Promise<T> {
  for (let other = running.get(key); other !== undefined; other = running.get(key)) {
    const [ended] = await Promise.allSettled([other]);
    if (ended.status === "fulfilled") return ended.value;
  }
  const own = work().finally(() => running.delete(key));
  running.set(key, own);
  return own;
}

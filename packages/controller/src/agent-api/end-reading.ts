/** Lets go of the messages; a read that waits for the agent must not keep the call. */
export function endReading(iterator: AsyncIterator<unknown>): void {
  // how the stream ended was told by the read itself
  iterator.return?.().catch(() => undefined);
}

import type { GitEnvironment } from "./git-environment.ts";
import { type GitObject, openRepositoryReader, type RepositoryReader } from "./repository-reader.ts";

export const READERS_MAX = 32;

/** Readers of the repositories used last. */
export interface ReaderPool {
  /** As RepositoryReader.read; a reader that ended is replaced and asked once more. */
  read(folder: string, name: string, bytesMax: number): Promise<GitObject | undefined>;
  /** Starts the reader that is about to be needed. */
  warm(folder: string): void;
  /** Call before a repository is removed. */
  close(folder: string): void;
  closeAll(): void;
}

export function createReaderPool(environment: GitEnvironment): ReaderPool {
  const readers = new Map<string, RepositoryReader>();

  function take(folder: string): RepositoryReader {
    const known = readers.get(folder);
    readers.delete(folder);
    const reader = known === undefined || known.isOver ? openRepositoryReader(environment, folder) : known;
    readers.set(folder, reader);
    const [oldest] = readers.keys();
    if (readers.size > READERS_MAX && oldest !== undefined) close(oldest);
    return reader;
  }

  function close(folder: string): void {
    readers.get(folder)?.close();
    readers.delete(folder);
  }

  return {
    async read(folder, name, bytesMax) {
      const reader = take(folder);
      try {
        return await reader.read(name, bytesMax);
      } catch (error) {
        if (!reader.isOver) throw error;
        return take(folder).read(name, bytesMax);
      }
    },
    warm(folder) {
      take(folder);
    },
    close,
    closeAll() {
      for (const folder of [...readers.keys()]) close(folder);
    },
  };
}

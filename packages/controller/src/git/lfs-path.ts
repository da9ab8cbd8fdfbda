import type { RepositoryName } from "./repository-folder.ts";

/** A request of git LFS, by its path below `/git/`. */
export interface LfsPath extends Omit<RepositoryName, "owner"> {
  /** Undefined: the token's own. */
  readonly owner: string | undefined;
  /** `batch` asks where files are; an object's id is the file itself. */
  readonly what: "batch" | "locks" | { readonly oid: string };
}

const PATTERN =
  /^(?:([^/]+)\/)?([^/]+?)(?:\.git)?\/info\/lfs\/(?:(objects\/batch)|objects\/([0-9a-f]{64})|(locks(?:\/.*)?))$/;

/** Undefined when it is none. */
export function readLfsPath(path: string): LfsPath | undefined {
  const match = PATTERN.exec(path);
  if (match === null) return undefined;
  const [, owner, name = "", batch, oid] = match;
  return { owner, name, what: batch !== undefined ? "batch" : oid !== undefined ? { oid } : "locks" };
}

import type { LeaseRef } from "@windrow/model";
import type { Connection } from "../session/connection.ts";

export interface FetchTreeOptions {
  readonly connection: Connection;
  readonly lease: Omit<LeaseRef, "sessionNo">;
  readonly repository: string;
  readonly sha: string;
  readonly signal: AbortSignal;
}

/** The controller may have to fetch it first. */
export const ACTION_CALL_MS_MAX = 180_000;
/** More than the controller gives out. */
const TREE_BYTES_MAX = 1024 * 1024 * 1024;

/** The tar file of an action's tree, piece by piece. Throws the controller's refusal. */
export async function* fetchTree(options: FetchTreeOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { connection, lease, repository, sha, signal } = options;
  for (let offset = 0; ; ) {
    const { data, totalBytes } = await connection.call(
      ({ client, sessionNo }) =>
        client.fetchAction(
          { lease: { ...lease, sessionNo }, repository, sha, offset },
          { signal, deadlineMs: ACTION_CALL_MS_MAX },
        ),
      signal,
    );
    if (totalBytes > TREE_BYTES_MAX) throw new Error(`the tree of ${repository} has more than ${TREE_BYTES_MAX} bytes`);
    yield data;
    offset += data.length;
    if (offset >= totalBytes || data.length === 0) return;
  }
}

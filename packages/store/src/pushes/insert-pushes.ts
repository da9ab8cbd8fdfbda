import type { Tx } from "../database.ts";

/** One ref update that git was about to make. */
export interface RefUpdate {
  readonly ref: string;
  readonly beforeSha: string;
  readonly afterSha: string;
}

export interface PushRow extends RefUpdate {
  readonly id: number;
  readonly repositoryId: number;
  readonly actor: string;
  readonly options: readonly string[];
  readonly state: "received" | "settled" | "abandoned";
  /** It was made with this job's token, and starts no run. */
  readonly byJobId: number | null;
}

/** Records ref updates before git makes them, in the order given, so that a crash right after them loses no build. */
export async function insertPushes(
  tx: Tx,
  push: {
    readonly repositoryId: number;
    readonly actor: string;
    readonly options: readonly string[];
    readonly byJobId?: number;
    readonly updates: readonly RefUpdate[];
  },
): Promise<PushRow[]> {
  if (push.updates.length === 0) return [];
  const inserted = await tx
    .insertInto("pushes")
    .values(
      push.updates.map((update) => ({
        repository_id: push.repositoryId,
        ref: update.ref,
        before_sha: update.beforeSha,
        after_sha: update.afterSha,
        actor: push.actor,
        options: [...push.options],
        by_job_id: push.byJobId ?? null,
        state: "received" as const,
      })),
    )
    .returning(["id", "ref"])
    .execute();
  return push.updates.map((update) => {
    const row = inserted.find((one) => one.ref === update.ref);
    if (row === undefined) throw new Error(`push row for ${update.ref} was not returned`);
    return {
      ...update,
      id: row.id,
      repositoryId: push.repositoryId,
      actor: push.actor,
      options: push.options,
      state: "received",
      byJobId: push.byJobId ?? null,
    };
  });
}

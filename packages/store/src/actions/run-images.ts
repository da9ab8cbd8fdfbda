import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** An image of a run as it was when its first job used it. */
export interface RunImage {
  /** As the workflow or an action names it. */
  readonly image: string;
  /** `name@sha256:…` of a registry, or `sha256:…` of the engine of one agent. */
  readonly found: string;
}

/** More than this many in one run is refused by the caller. */
export const RUN_IMAGES_MAX = 1_000;

/** All images a run has used so far, in order of their names. */
export async function listRunImages(db: Database | Tx, runId: number): Promise<RunImage[]> {
  const { rows } = await sql<RunImage>`
    select image, found from run_images where run_id = ${runId} order by image limit ${RUN_IMAGES_MAX}`.execute(db);
  return rows;
}

/** What the image is for the run; undefined while no job has used it. */
export async function findRunImage(
  db: Database | Tx,
  { runId, image }: { readonly runId: number; readonly image: string },
): Promise<string | undefined> {
  const { rows } = await sql<{ found: string }>`
    select found from run_images where run_id = ${runId} and image = ${image}`.execute(db);
  return rows[0]?.found;
}

/**
 * Records what a name was found to be; the first record wins, and is the answer. One that was of a single agent's engine
 * gives way to another. A run that has RUN_IMAGES_MAX keeps no more: undefined.
 */
export async function recordRunImage(
  db: Database | Tx,
  runId: number,
  { image, found }: RunImage,
): Promise<string | undefined> {
  await sql`
    insert into run_images (run_id, image, found)
    select ${runId}, ${image}, ${found}
    where (select count(*) from run_images where run_id = ${runId}) < ${RUN_IMAGES_MAX}
    on conflict (run_id, image) do update set found = excluded.found
    where run_images.found like 'sha256:%'`.execute(db);
  return findRunImage(db, { runId, image });
}

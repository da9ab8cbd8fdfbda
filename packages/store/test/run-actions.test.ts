import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Database,
  findRunAction,
  findRunImage,
  hasRunAction,
  listRunActions,
  listRunImages,
  recordRunAction,
  recordRunImage,
} from "../src/index.ts";
import { createMigratedDatabase } from "./database-kit.ts";
import { createFarmRows } from "./farm-rows.ts";

let db: Database;
let runId: number;
beforeAll(async () => {
  db = await createMigratedDatabase();
  await createFarmRows(db).queue();
  const { rows } = await sql<{ id: number }>`select id from runs`.execute(db);
  runId = rows[0]?.id ?? 0;
});
afterAll(() => db.destroy());

const A = "a".repeat(40);
const B = "b".repeat(40);

test("of many who resolve an action at once one wins, and all are told its commit", async () => {
  const shas = [A, B, A, B, A, B].map((sha) =>
    recordRunAction(db, runId, { repository: "actions/cache", ref: "v4", sha }),
  );
  const answers = new Set(await Promise.all(shas));
  expect(answers.size).toBe(1);
  expect(await findRunAction(db, { runId, repository: "Actions/Cache", ref: "v4" })).toBe([...answers][0]);
});

test("a ref keeps its case, a repository's name does not matter in case", async () => {
  await recordRunAction(db, runId, { repository: "me/tool", ref: "main", sha: A });
  expect(await recordRunAction(db, runId, { repository: "Me/Tool", ref: "main", sha: B })).toBe(A);
  expect(await recordRunAction(db, runId, { repository: "me/tool", ref: "Main", sha: B })).toBe(B);
  expect(await hasRunAction(db, { runId, repository: "ME/tool", sha: B })).toBe(true);
  expect(await hasRunAction(db, { runId, repository: "me/tool", sha: "c".repeat(40) })).toBe(false);
  expect((await listRunActions(db, runId)).map(({ repository, ref }) => `${repository}@${ref}`)).toEqual([
    "actions/cache@v4",
    "me/tool@Main",
    "me/tool@main",
  ]);
});

test("the first of many who found an image of a registry holds, and takes the place of one that a single engine had", async () => {
  const record = (found: string) => recordRunImage(db, runId, { image: "team/app:1", found });
  expect(await findRunImage(db, { runId, image: "team/app:1" })).toBeUndefined();
  expect(await record(`sha256:${A}`)).toBe(`sha256:${A}`);
  const answers = await Promise.all([1, 2, 3, 4].map((no) => record(`team/app@sha256:${no}`)));
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toMatch(/^team\/app@sha256:/);
  expect(await record(`sha256:${B}`)).toBe(answers[0]);
  expect(await listRunImages(db, runId)).toEqual([{ image: "team/app:1", found: answers[0] }]);
});

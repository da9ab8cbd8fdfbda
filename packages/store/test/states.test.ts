import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  AGENT_STATES,
  ATTEMPT_STATES,
  CONCLUSIONS,
  CONCURRENCY_STATES,
  JOB_STATES,
  MACHINE_STATES,
  OUTCOMES,
  RUN_STATES,
  STEP_STATES,
  TRUSTS,
  UPGRADE_STATES,
  UPGRADE_STEP_STATES,
} from "@windrow/model";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../src/index.ts";
import { createMigratedDatabase } from "./database-kit.ts";

/** Every column that holds one word of a list of the model, and that list. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  "agent_upgrades.state": UPGRADE_STEP_STATES,
  "agents.state": AGENT_STATES,
  "attempts.outcome": OUTCOMES,
  "attempts.state": ATTEMPT_STATES,
  "concurrency_entries.state": CONCURRENCY_STATES,
  "jobs.conclusion": CONCLUSIONS,
  "jobs.outcome": OUTCOMES,
  "jobs.state": JOB_STATES,
  "jobs.trust": TRUSTS,
  "machines.state": MACHINE_STATES,
  "pool_upgrades.state": UPGRADE_STATES,
  "runs.conclusion": CONCLUSIONS,
  "runs.state": RUN_STATES,
  "runs.trust": TRUSTS,
  "steps.conclusion": CONCLUSIONS,
  "steps.outcome": OUTCOMES,
  "steps.state": STEP_STATES,
};
/** A push is known to the store alone. */
const NOT_IN_THE_MODEL = ["pushes.state"];

let db: Database;
beforeAll(async () => {
  db = await createMigratedDatabase();
});
afterAll(() => db?.destroy());

test("the check of every column of states takes the words of the model's list and no other", async () => {
  const { rows } = await sql<{ column: string; definition: string }>`
    select c.relname || '.' || a.attname as column, pg_get_constraintdef(k.oid) as definition
    from pg_constraint k
    join pg_class c on c.oid = k.conrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
    where k.contype = 'c' and cardinality(k.conkey) = 1
      and a.attname in ('state', 'outcome', 'conclusion', 'trust')
    order by 1`.execute(db);
  const checked = Object.fromEntries(
    rows
      .filter((row) => !NOT_IN_THE_MODEL.includes(row.column))
      .map((row) => [row.column, [...row.definition.matchAll(/'(\w+)'::text/g)].map((match) => match[1])]),
  );
  expect(checked).toEqual(COLUMNS);
});

test("no column of states is without a check", async () => {
  const { rows } = await sql<{ column: string }>`
    select table_name || '.' || column_name as column from information_schema.columns
    where table_schema = 'public' and column_name in ('state', 'outcome', 'conclusion', 'trust')
    order by 1`.execute(db);
  expect(rows.map((row) => row.column)).toEqual([...Object.keys(COLUMNS), ...NOT_IN_THE_MODEL].sort());
});

test.each([
  ["runs", RUN_STATES],
  ["jobs", JOB_STATES],
  ["attempts", ATTEMPT_STATES],
  ["steps", STEP_STATES],
  ["agents", AGENT_STATES],
  ["machines", MACHINE_STATES],
])("the manual's page of states names every state of %s", (things, states) => {
  const page = readFileSync(new URL("../../docs/states.md", import.meta.url), "utf8");
  const lines = page.match(new RegExp(`^${things}:.*(?:\\n {2,}.*)*`, "m"))?.[0] ?? "";
  expect(states.filter((state) => !new RegExp(`\\b${state}\\b`).test(lines))).toEqual([]);
});

test("no SQL changes the state of a run, job, attempt or agent but by a transition of the model", () => {
  const root = fileURLToPath(new URL("../src", import.meta.url));
  // end-attempt.ts passes the transitions' words as parameters
  const allowed = /^(?:\$\{toState\(|e\.(?:to_state|job_to)\b|case when )/;
  const changes = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) =>
      [
        ...readFileSync(join(root, name), "utf8").matchAll(/update (?:jobs|runs|attempts|agents)\b[^`]*?\bwhere\b/g),
      ].map(([statement]) => ({ name, value: /(?:set|,)\s+state = ([^\n]+)/.exec(statement)?.[1] })),
    )
    .filter((change) => change.value !== undefined);
  expect(changes.length).toBeGreaterThan(10);
  expect(changes.filter((change) => !allowed.test(change.value ?? ""))).toEqual([]);
});

import { randomBytes, randomUUID } from "node:crypto";
import { type AgentId, asAgentId, asInstanceId } from "@windrow/model";
import { sql } from "kysely";
import {
  type Database,
  type DispatcherTerm,
  electDispatcher,
  insertAgent,
  inTransaction,
  internLabelSets,
  labelSetKey,
  lockAgentForSession,
  openSession,
} from "../src/index.ts";

/** Rows of a small farm, written as the operations under test expect them. */
export interface FarmRows {
  readonly db: Database;
  agent(options?: { slots?: number; labels?: string[]; connected?: boolean }): Promise<AgentId>;
  /** Queued jobs of one repository, each in the run given or a new one. */
  queue(options?: { count?: number; repository?: string; labels?: string[]; priority?: number }): Promise<number[]>;
  term(ttlMs?: number): Promise<DispatcherTerm>;
}

export function createFarmRows(db: Database): FarmRows {
  let agentCount = 0;
  let runCount = 0;
  return {
    db,
    async agent({ slots = 1, labels = ["linux"], connected = true } = {}) {
      const id = asAgentId(randomUUID());
      await insertAgent(db, {
        id,
        name: `agent-${++agentCount}`,
        pool: "default",
        labels,
        slots,
        publicKey: randomBytes(91),
        certificateExpiresAt: new Date(Date.now() + 86_400_000),
        natsPublicKey: "U",
        hostname: "test",
        version: "test",
        joinedWith: null,
      });
      const instanceId = asInstanceId(randomUUID());
      if (connected) {
        await inTransaction(db, async (tx) => {
          await lockAgentForSession(tx, id, instanceId);
          await openSession(tx, {
            agentId: id,
            instanceId,
            isNewInstance: true,
            sessionNo: 1,
            controllerId: randomUUID(),
            drainRequested: false,
            slots,
            labels,
            version: "test",
            protocolVersion: 1,
            hostname: "test",
            held: [],
          });
        });
      }
      return id;
    },
    async queue({ count = 1, repository = "app", labels = ["linux"], priority = 0 } = {}) {
      const sets = await inTransaction(db, (tx) => internLabelSets(tx, [labels]));
      await sql`insert into owners (name) values ('me') on conflict do nothing`.execute(db);
      await sql`
        insert into repositories (owner, name, created_by) select 'me', ${repository}, 'me'
        where not exists (select from repositories where name = ${repository})`.execute(db);
      const { rows } = await sql<{ id: number }>`
        with run as (
          insert into runs (repository_id, number, event_name, event_json, ref, sha, actor, workflow_path, workflow_name, state)
          select id, ${++runCount}, 'push', '{}', 'refs/heads/main', 'a', 'me', 'ci.yml', 'ci', 'running'
          from repositories where name = ${repository}
          returning id, repository_id
        )
        insert into jobs (run_id, run_attempt, repository_id, owner, key, name, matrix_index, label_set_id, trust, priority,
          state, queued_at)
        select run.id, 1, run.repository_id, 'me', 'job', 'job', n, ${sets.get(labelSetKey(labels))}, 'trusted', ${priority},
          'queued', clock_timestamp()
        from run, generate_series(1, ${count}::int) n
        returning id`.execute(db);
      return rows.map((row) => row.id);
    },
    async term(ttlMs = 60_000) {
      const [term] = await electDispatcher(db, { controllerId: randomUUID(), termId: randomUUID(), ttlMs });
      if (term === undefined) throw new Error("the pool is held");
      return term;
    },
  };
}

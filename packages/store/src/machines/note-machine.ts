import { MACHINE_TRANSITIONS } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";
import { fromStates, toState } from "../state-guard.ts";

/** The provider made it. False when its agent was seen before, or it is to go already. */
export async function noteCreated(db: Database | Tx, machineId: string): Promise<boolean> {
  const { rows } = await sql`
    with changed as (
      update machines set state = ${toState(MACHINE_TRANSITIONS.create)}, created_at = clock_timestamp(), error = null,
        try_count = 0, not_before = null
      where id = ${machineId} and state in (${fromStates(MACHINE_TRANSITIONS.create)})
      returning id, name, pool
    ),
    told as (
      insert into events (kind, data)
      select 'machine_starting', jsonb_build_object('machine', name, 'pool', pool, 'reason', 'created') from changed
    )
    select id from changed`.execute(db);
  return rows.length === 1;
}

/**
 * The machine is not there any more, by its provider's word or because it was never made. Its agent is to be removed
 * before. False when that was known, or when it has an agent that is not: it joined while its machine was taken away.
 */
export async function noteGone(
  db: Database | Tx,
  options: { readonly machineId: string; readonly reason: string },
): Promise<boolean> {
  const { machineId, reason } = options;
  const { rows } = await sql`
    with changed as (
      update machines set state = ${toState(MACHINE_TRANSITIONS.gone)}, ended_at = clock_timestamp(), reason = ${reason},
        not_before = null
      where id = ${machineId} and state in (${fromStates(MACHINE_TRANSITIONS.gone)})
        and not exists (select from agents a where a.id = machines.agent_id and a.state <> 'removed')
      returning id, name, pool, agent_id
    ),
    told as (
      insert into events (kind, agent_id, data)
      select 'machine_ended', agent_id, jsonb_build_object('machine', name, 'pool', pool, 'reason', ${reason}::text) from changed
    )
    select id from changed`.execute(db);
  return rows.length === 1;
}

/** It never came to anything, and nothing of it is left; `error` tells people why. False when it has its agent, or is over. */
export async function noteFailed(
  db: Database | Tx,
  options: { readonly machineId: string; readonly error: string },
): Promise<boolean> {
  const { machineId, error } = options;
  const { rows } = await sql`
    with changed as (
      update machines set state = ${toState(MACHINE_TRANSITIONS.fail)}, ended_at = clock_timestamp(), error = ${error},
        not_before = null
      where id = ${machineId} and state in (${fromStates(MACHINE_TRANSITIONS.fail)}) and agent_id is null
      returning id, name, pool, agent_id
    ),
    told as (
      insert into events (kind, agent_id, data)
      select 'machine_failed', agent_id, jsonb_build_object('machine', name, 'pool', pool, 'reason', ${error}::text) from changed
    )
    select id from changed`.execute(db);
  return rows.length === 1;
}

/**
 * The provider could not do what was asked for it. It stays as it is, `error` says why, and it is not tried again before
 * `delayMs` are over. False when it is over.
 */
export async function noteProviderError(
  db: Database | Tx,
  options: { readonly machineId: string; readonly error: string; readonly delayMs: number },
): Promise<boolean> {
  const { machineId, error, delayMs } = options;
  const { rows } = await sql`
    update machines set error = ${error}, try_count = try_count + 1,
      not_before = clock_timestamp() + ${delayMs}::float8 * interval '1 ms'
    where id = ${machineId} and state not in ('ended', 'failed')
    returning id`.execute(db);
  return rows.length === 1;
}

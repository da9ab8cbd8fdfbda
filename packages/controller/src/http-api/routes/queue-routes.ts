import { Refusal } from "@windrow/model";
import { findQueueRow, inTransaction, listPoolViews, moveJobToTop, pausePool, recordAudit } from "@windrow/store";
import { readQueue, readQueueEntry } from "../../queue/read-queue.ts";
import type { ApiDeps } from "../api-deps.ts";
import { type AuditAuthor, auditAuthor } from "../audit-author.ts";
import { presentPool } from "../present/present-pool.ts";
import { presentQueueEntry } from "../present/present-queue.ts";
import { mayReach, type Principal } from "../principal.ts";
import type { RouteHandlers } from "../route-handler.ts";
import { ownerScope } from "./require-reach.ts";

const noPool = (name: string) =>
  new Refusal("not_found", `there is no pool '${name}'`, { hint: "`windrow pool list` shows them" });

type Names = "listQueue" | "explainJob" | "moveJobToTop" | "pausePool" | "resumePool";

export function createQueueRoutes({ db, clock, farm, links }: ApiDeps): Pick<RouteHandlers, Names> {
  return {
    async listQueue({ query, principal }) {
      const scope = ownerScope(principal);
      if (query.owner !== undefined && scope !== undefined && query.owner !== scope) {
        return { items: [], next_cursor: null };
      }
      const { pool, code, repository, limit } = query;
      const page = await readQueue(db, {
        ...{ pool, code, repository, limit },
        owner: scope ?? query.owner,
        withBlocked: query.blocked === true,
        after: readCursor(query.cursor),
      });
      return {
        items: page.entries.map((entry) => presentQueueEntry(entry, links, clock.nowMs())),
        next_cursor: page.next === undefined ? null : `${page.next.priority}.${page.next.jobId}`,
      };
    },

    async explainJob({ params, principal }) {
      return read(params.job, principal);
    },

    async moveJobToTop({ params, principal, request }) {
      const author = auditAuthor(principal, request);
      const row = await require(params.job, principal);
      await inTransaction(db, async (tx) => {
        const moved = await moveJobToTop(tx, { jobId: row.jobId, by: author.actor });
        if (moved === undefined) {
          throw new Refusal("conflict", `job ${row.jobId} does not wait any more: it is ${row.state}`);
        }
        const priority = (value: number) => ({ priority: value });
        const subject = `job:${row.jobId}`;
        await recordAudit(tx, {
          ...author,
          ...{ action: "queue.top", subject, before: priority(moved.before), after: priority(moved.after) },
        });
      });
      farm.wakeDispatch();
      return read(row.jobId, principal);
    },

    async pausePool({ params, body, principal, request }) {
      const author = auditAuthor(principal, request);
      return setPause(params.pool, { author, pause: { by: author.actor, reason: body.reason ?? null } });
    },

    async resumePool({ params, principal, request }) {
      const pool = await setPause(params.pool, { author: auditAuthor(principal, request), pause: null });
      farm.wakeDispatch();
      return pool;
    },
  };

  /** The job, or `not_found` in the same words for one that is not there and one this token must not know of. */
  async function require(jobId: number, principal: Principal) {
    const row = await findQueueRow(db, jobId);
    if (row === undefined || !mayReach(principal, row.owner)) {
      throw new Refusal("not_found", `there is no job ${jobId}`);
    }
    return row;
  }

  async function read(jobId: number, principal: Principal) {
    const entry = await readQueueEntry(db, await require(jobId, principal));
    return presentQueueEntry(entry, links, clock.nowMs());
  }

  async function setPause(
    name: string,
    change: {
      readonly author: AuditAuthor;
      readonly pause: { readonly by: string; readonly reason: string | null } | null;
    },
  ) {
    const { author, pause } = change;
    await inTransaction(db, async (tx) => {
      const before = await pausePool(tx, { pool: name, pause });
      if (before === undefined) throw noPool(name);
      const after = { paused: pause !== null, by: pause?.by ?? null, reason: pause?.reason ?? null };
      if (pause === null && !before.paused) return;
      const action = pause === null ? "queue.resume" : "queue.pause";
      await recordAudit(tx, { ...author, action, subject: `pool:${name}`, before, after });
    });
    const pool = (await listPoolViews(db)).find((one) => one.name === name);
    if (pool === undefined) throw noPool(name);
    return presentPool(pool);
  }
}

function readCursor(cursor: string | undefined): { readonly priority: number; readonly jobId: number } | undefined {
  if (cursor === undefined) return undefined;
  const [priority, jobId] = /^(-?\d{1,10})\.(\d{1,16})$/.exec(cursor)?.slice(1).map(Number) ?? [];
  if (priority === undefined || jobId === undefined) throw new Refusal("invalid", "the cursor is not one of this list");
  return { priority, jobId };
}

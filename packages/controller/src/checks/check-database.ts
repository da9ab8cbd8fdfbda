import type { Check } from "@windrow/contract";
import type { Clock } from "@windrow/service";
import { type Database, type DatabaseFacts, readDatabaseFacts } from "@windrow/store";

const VERSION_MIN = 150_000;
const LATENCY_WARN_MS = 20;
const LOOKS = 5;
export const CLOCK_DIFFERENCE_MAX_MS = 5_000;
/** Share of the connections that may be taken before it is worth a look. */
const CONNECTIONS_SHARE_WARN = 0.9;

/** Version, durability, delay, clock and room of the database. */
export async function checkDatabase(deps: { readonly db: Database; readonly clock: Clock }): Promise<Check[]> {
  const { db, clock } = deps;
  const delays: number[] = [];
  let facts: DatabaseFacts | undefined;
  let answeredAtMs = 0;
  for (let look = 0; look < LOOKS; look++) {
    const askedAtMs = clock.monotonicMs();
    facts = await readDatabaseFacts(db);
    answeredAtMs = clock.nowMs();
    delays.push(clock.monotonicMs() - askedAtMs);
  }
  if (facts === undefined) throw new Error("the database was not asked");
  const delayMs = delays.sort((a, b) => a - b)[Math.floor(LOOKS / 2)] ?? 0;
  return [judgeDatabase(facts, delayMs), judgeDurability(facts), judgeDatabaseClock(facts.nowMs - answeredAtMs)];
}

export function judgeDatabase(facts: DatabaseFacts, delayMs: number): Check {
  const { versionNum, isStandby, connectionsCount, connectionsMax } = facts;
  const name = "database";
  const version = `Postgres ${Math.floor(versionNum / 10_000)}.${versionNum % 10_000}`;
  const detail = `${version} answers in ${delayMs.toFixed(1)} ms, ${connectionsCount} of ${connectionsMax} connections`;
  if (isStandby)
    return {
      name,
      state: "failed",
      detail: `${version} is a standby`,
      hint: "Name the primary in WINDROW_DATABASE_URL",
    };
  if (versionNum < VERSION_MIN) return { name, state: "failed", detail, hint: "Use Postgres 15 or later" };
  if (connectionsCount >= connectionsMax * CONNECTIONS_SHARE_WARN)
    return { name, state: "warning", detail, hint: "Raise max_connections, or lower WINDROW_DATABASE_CONNECTIONS" };
  if (delayMs > LATENCY_WARN_MS)
    return {
      ...{ name, state: "warning", detail },
      hint: "Every step of a job waits for it: bring the controllers nearer, or look at what else the database does",
    };
  return { name, state: "ok", detail };
}

/** Without these a power cut takes back what the farm has promised. */
export function judgeDurability({ fsync, fullPageWrites, synchronousCommit }: DatabaseFacts): Check {
  const name = "durability";
  const settings = Object.entries({ fsync, full_page_writes: fullPageWrites, synchronous_commit: synchronousCommit });
  const off = settings.flatMap(([setting, value]) => (value === "off" ? [setting] : []));
  if (off.length === 0) return { name, state: "ok", detail: settings.map((pair) => pair.join(" ")).join(", ") };
  return {
    ...{ name, state: "failed", detail: `${off.join(", ")} off: a power cut loses finished jobs` },
    hint: `Set in postgresql.conf: ${off.map((setting) => `${setting} = on`).join(", ")}`,
  };
}

export function judgeDatabaseClock(aheadMs: number): Check {
  const name = "database clock";
  if (Math.abs(aheadMs) <= CLOCK_DIFFERENCE_MAX_MS)
    return { name, state: "ok", detail: "agrees with the controller's" };
  const detail = `${Math.abs(aheadMs / 1_000).toFixed(0)} s ${aheadMs > 0 ? "ahead of" : "behind"} the controller's`;
  return { name, state: "warning", detail, hint: "Set the clocks of both machines by NTP" };
}

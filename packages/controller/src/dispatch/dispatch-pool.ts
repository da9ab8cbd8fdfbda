import { randomUUID } from "node:crypto";
import { type AgentId, asAttemptId, asLeaseId, type Candidate, type FreeAgent, matchOffers } from "@windrow/model";
import {
  type CandidateRow,
  type Database,
  type DispatcherTerm,
  findCandidates,
  findFreeAgents,
  type GrantChoice,
  type GrantedLease,
  grantLeases,
  inTransaction,
  isUniqueViolation,
  lockParallelGroup,
  type PoolRow,
} from "@windrow/store";

export interface DispatchPassDeps {
  readonly db: Database;
  /** True while an agent is not to be offered anything. */
  readonly isAvoided: (agentId: AgentId) => boolean;
}

export interface DispatchPass {
  readonly granted: readonly GrantedLease[];
  /** More could be granted at once: look again. */
  readonly isMore: boolean;
  /** How long each granted job had waited, ms. */
  readonly waitedMs: readonly number[];
}

const PER_REPOSITORY_MAX = 32;
const OFFERS_MAX = 64;
const NOTHING: DispatchPass = { granted: [], isMore: false, waitedMs: [] };

/** One look at the queue of one pool: read a bounded window, choose, apply what still holds. */
export async function dispatchPool(deps: DispatchPassDeps, pool: PoolRow, term: DispatcherTerm): Promise<DispatchPass> {
  const agents: FreeAgent[] = (await findFreeAgents(deps.db, pool.name)).filter(
    (agent) => !deps.isAvoided(agent.agentId),
  );
  if (agents.length === 0) return NOTHING;
  const rows = await findCandidates(deps.db, {
    agentLabels: distinctLabels(agents),
    perRepositoryMax: PER_REPOSITORY_MAX,
    untrustedAllowed: pool.untrustedAllowed,
  });
  if (rows.length === 0) return NOTHING;
  const matches = matchOffers(rows.map(toCandidate), agents, {
    pool: pool.name,
    untrustedAllowed: pool.untrustedAllowed,
    openByOwner: new Map(rows.map((row) => [row.owner, row.openOfOwner])),
    openByRepository: new Map(rows.map((row) => [row.repositoryId, row.openOfRepository])),
    offersMax: OFFERS_MAX,
  });
  if (matches.length === 0) return NOTHING;
  const choices = matches.map(
    (match): GrantChoice => ({ ...match, attemptId: asAttemptId(randomUUID()), leaseId: asLeaseId(randomUUID()) }),
  );
  const byJob = new Map(rows.map((row) => [row.jobId, row]));
  const limited = choices.flatMap((choice) => byJob.get(choice.jobId)?.siblingKey ?? []);
  const granted =
    limited.length > 0 ? await grantLimited(deps.db, term, { choices, byJob }) : await grant(deps.db, term, choices);
  return {
    granted,
    isMore: granted.length > 0 && (matches.length === OFFERS_MAX || hidesMore(rows)),
    waitedMs: granted.flatMap((lease) => byJob.get(lease.jobId)?.waitedMs ?? []),
  };
}

/** Applies choices together; when one of them meets a group that has a holder, one by one without it. */
async function grant(db: Database, term: DispatcherTerm, choices: readonly GrantChoice[]): Promise<GrantedLease[]> {
  try {
    return await grantLeases(db, term, choices);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    if (choices.length === 1) return [];
    const granted: GrantedLease[] = [];
    for (const choice of choices) granted.push(...(await grant(db, term, [choice])));
    return granted;
  }
}

/** Matrix jobs with `max-parallel` may be granted by two pools at once: those are counted again under a lock. */
async function grantLimited(
  db: Database,
  term: DispatcherTerm,
  of: { readonly choices: readonly GrantChoice[]; readonly byJob: ReadonlyMap<number, CandidateRow> },
): Promise<GrantedLease[]> {
  const keyOf = (choice: GrantChoice) => of.byJob.get(choice.jobId)?.siblingKey ?? undefined;
  const keys = new Set(of.choices.flatMap((choice) => keyOf(choice) ?? []));
  const free = of.choices.filter((choice) => keyOf(choice) === undefined);
  const granted = free.length > 0 ? await grant(db, term, free) : [];
  for (const key of keys) {
    const limited = of.choices.filter((choice) => keyOf(choice) === key);
    granted.push(
      ...(await inTransaction(db, async (tx) => {
        const left = await lockParallelGroup(tx, key);
        return left > 0 ? grantLeases(tx, term, limited.slice(0, left)) : [];
      })),
    );
  }
  return granted;
}

/** True when a repository may have more queued jobs than the window shows, or a limit that it just reached hid others. */
function hidesMore(rows: readonly CandidateRow[]): boolean {
  const shown = new Map<number, number>();
  for (const { repositoryId } of rows) shown.set(repositoryId, (shown.get(repositoryId) ?? 0) + 1);
  return [...shown.values()].some((count) => count >= PER_REPOSITORY_MAX);
}

function toCandidate(row: CandidateRow): Candidate {
  const { siblingKey, siblingsLeft } = row;
  return siblingKey === null || siblingsLeft === null
    ? row
    : { ...row, siblingLimit: { key: siblingKey, left: siblingsLeft } };
}

function distinctLabels(agents: readonly FreeAgent[]): (readonly string[])[] {
  return [...new Map(agents.map((agent) => [[...agent.labels].sort().join("\n"), agent.labels])).values()];
}

import { NO_GRANTS } from "./grant-history.ts";
import { asAgentId, type JobId, type RepositoryId } from "./ids.ts";
import { matchOffers } from "./match-offers.ts";
import type { Candidate, RepositoryShare } from "./queue-facts.ts";

/**
 * The order in which these jobs would be granted, if there were room for all of them: matching itself says so. Limits and
 * what a dispatcher remembers of its latest grants are left out, so that the order is the best guess, not a promise.
 */
export function rankQueue(
  candidates: readonly Omit<Candidate, "siblingLimit">[],
  shares: ReadonlyMap<RepositoryId, RepositoryShare>,
): JobId[] {
  const labels = [...new Set(candidates.flatMap((candidate) => candidate.labels))];
  const { matches } = matchOffers(
    candidates,
    [{ agentId: asAgentId("everybody"), labels, freeSlots: candidates.length }],
    {
      pool: { name: "", priority: 0, weight: 1, untrustedAllowed: true },
      poolJobsLeft: null,
      otherPools: [],
      shares: new Map([...shares].map(([id, share]) => [id, { ...share, jobsLeft: null, warmAgentIds: [] }])),
      history: NO_GRANTS,
      offersMax: candidates.length,
    },
  );
  return matches.map((match) => match.jobId);
}

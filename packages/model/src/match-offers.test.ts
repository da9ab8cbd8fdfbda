import { describe, expect, it } from "vitest";
import { BETTER_POOL_WAIT_MS } from "./decide-pool.ts";
import { NO_GRANTS, recordGrants } from "./grant-history.ts";
import { asAgentId, asJobId, asRepositoryId } from "./ids.ts";
import { AGING_EVERY_MS, type MatchOptions, matchOffers, OLDEST_TURN_EVERY, TOP_PRIORITY } from "./match-offers.ts";
import { type Candidate, type FreeAgent, type PoolRoom, plainShare, type RepositoryShare } from "./queue-facts.ts";

const job = (
  id: number,
  change: Partial<Omit<Candidate, "repositoryId">> & { repository?: number } = {},
): Candidate => {
  const { repository = 1, ...rest } = change;
  return {
    jobId: asJobId(id),
    repositoryId: asRepositoryId(repository),
    owner: "me",
    labels: ["linux"],
    priority: 0,
    waitedMs: 1_000,
    preferredPool: null,
    trust: "trusted",
    ...rest,
  };
};
const agent = (id: string, freeSlots = 1, labels: readonly string[] = ["linux"]): FreeAgent => ({
  agentId: asAgentId(id),
  freeSlots,
  labels,
});
const share = (repository: number, change: Partial<RepositoryShare>) =>
  new Map([[asRepositoryId(repository), { ...plainShare("me"), ...change }]]);
const here = { name: "default", priority: 0, weight: 1, untrustedAllowed: false };
const other = (change: Partial<PoolRoom> = {}): PoolRoom => ({
  ...here,
  name: "go",
  jobsLeft: null,
  rooms: [{ labels: ["linux"], freeSlots: 1 }],
  ...change,
});
const options: MatchOptions = {
  pool: here,
  poolJobsLeft: null,
  otherPools: [],
  shares: new Map(),
  history: NO_GRANTS,
  offersMax: 100,
};
const match = (candidates: Candidate[], agents: FreeAgent[], change: Partial<MatchOptions> = {}) =>
  matchOffers(candidates, agents, { ...options, ...change }).matches.map((found) => `${found.jobId}@${found.agentId}`);
const fresh = { waitedMs: 0 };

describe("matchOffers", () => {
  it.each([
    ["no agents", [job(1)], [], {}, []],
    ["no free slot", [job(1)], [agent("a", 0)], {}, []],
    [
      "as many as there are slots, oldest first",
      [job(3, { waitedMs: 1 }), job(1, { waitedMs: 9 }), job(2, { waitedMs: 5 })],
      [agent("a", 2)],
      {},
      ["1@a", "2@a"],
    ],
    ["a label nobody has blocks only its own job", [job(1, { labels: ["gpu"] }), job(2)], [agent("a")], {}, ["2@a"]],
    ["the special agent is kept free", [job(1)], [agent("a", 5, ["linux", "gpu"]), agent("b")], {}, ["1@b"]],
    ["the emptiest of equals", [job(1)], [agent("a", 1), agent("b", 3)], {}, ["1@b"]],
    [
      "one that has the repository's files, before all else",
      [job(1)],
      [agent("a", 1, ["linux", "gpu"]), agent("b", 3)],
      { shares: share(1, { warmAgentIds: [asAgentId("z"), asAgentId("a")] }) },
      ["1@a"],
    ],
    [
      "a warm agent that is busy is not waited for",
      [job(1), job(2)],
      [agent("a"), agent("b")],
      { shares: share(1, { warmAgentIds: [asAgentId("a")] }) },
      ["1@a", "2@b"],
    ],
    ["priority first", [job(1), job(2, { priority: 5 })], [agent("a")], {}, ["2@a"]],
    [
      "waiting raises priority",
      [job(1, { waitedMs: AGING_EVERY_MS * 5 }), job(2, { priority: 5 })],
      [agent("a")],
      {},
      ["1@a"],
    ],
    [
      "up to the highest that is queued: the older of a flood is not before another owner's",
      [job(1, { waitedMs: AGING_EVERY_MS * 60 }), job(2, { owner: "you", repository: 2, priority: 1 })],
      [agent("a")],
      { shares: share(1, { ownerOpen: 1 }) },
      ["2@a"],
    ],
    [
      "moved to the top by a person, before everything",
      [job(1, { priority: 9, waitedMs: AGING_EVERY_MS * 60 }), job(2, { priority: TOP_PRIORITY })],
      [agent("a")],
      { shares: share(1, { open: 50, ownerOpen: 50 }) },
      ["2@a"],
    ],
    [
      "the repository with fewer open jobs",
      [job(1), job(2, { repository: 2 })],
      [agent("a")],
      { shares: share(1, { open: 4 }) },
      ["2@a"],
    ],
    [
      "the repository with fewer for its weight",
      [job(1), job(2, { repository: 2 })],
      [agent("a")],
      { shares: new Map([...share(1, { open: 4, weight: 4 }), ...share(2, { open: 2 })]) },
      ["1@a"],
    ],
    [
      "the owner with fewer open jobs",
      [job(1), job(2, { repository: 2, owner: "you" })],
      [agent("a")],
      { shares: share(1, { ownerOpen: 4 }) },
      ["2@a"],
    ],
    [
      "the owner that was granted less lately",
      [job(1), job(2, { repository: 2, owner: "you" })],
      [agent("a")],
      { history: { ...NO_GRANTS, owners: { grants: new Map([["me", 0.5]]), waiting: new Set<string>() } } },
      ["2@a"],
    ],
    [
      "repositories take turns",
      [job(1), job(2), job(3, { repository: 2, waitedMs: 1 })],
      [agent("a", 2)],
      {},
      ["1@a", "3@a"],
    ],
    [
      "the turn of who waited longest, whatever else is true",
      [job(1, { waitedMs: 2_000 }), job(2, { priority: TOP_PRIORITY }), job(3, { owner: "you", repository: 2 })],
      [agent("a")],
      { history: { ...NO_GRANTS, sinceOldest: new Map([["linux", OLDEST_TURN_EVERY - 1]]) } },
      ["1@a"],
    ],
    [
      "left to the pool of its language while that has room",
      [job(1, { ...fresh, preferredPool: "go" })],
      [agent("a")],
      { otherPools: [other()] },
      [],
    ],
    ["which nobody waits for when it has none", [job(1, { ...fresh, preferredPool: "go" })], [agent("a")], {}, ["1@a"]],
    [
      "nor when its agents lack a label",
      [job(1, { ...fresh, preferredPool: "go", labels: ["linux", "arm"] })],
      [agent("a", 1, ["linux", "arm"])],
      { otherPools: [other()] },
      ["1@a"],
    ],
    [
      "nor for long",
      [job(1, { preferredPool: "go", waitedMs: BETTER_POOL_WAIT_MS })],
      [agent("a")],
      { otherPools: [other()] },
      ["1@a"],
    ],
    [
      "nor when it may run no more",
      [job(1, { ...fresh, preferredPool: "go" })],
      [agent("a")],
      { otherPools: [other({ jobsLeft: 0 })] },
      ["1@a"],
    ],
    [
      "nor when it takes no untrusted work",
      [job(1, { ...fresh, preferredPool: "go", trust: "untrusted" })],
      [agent("a")],
      { pool: { ...here, untrustedAllowed: true }, otherPools: [other()] },
      ["1@a"],
    ],
    [
      "no more are left to it than it has room for",
      [job(1, { ...fresh, preferredPool: "go" }), job(2, { ...fresh, preferredPool: "go" })],
      [agent("a", 2)],
      { otherPools: [other()] },
      ["2@a"],
    ],
    [
      "taken at once by the preferred pool, though another has a higher priority",
      [job(1, { ...fresh, preferredPool: "default" })],
      [agent("a")],
      { otherPools: [other({ priority: 9 })] },
      ["1@a"],
    ],
    ["left to a pool of higher priority", [job(1, fresh)], [agent("a")], { otherPools: [other({ priority: 9 })] }, []],
    ["untrusted work stays out", [job(1, { trust: "untrusted" })], [agent("a")], {}, []],
    [
      "unless the pool takes it",
      [job(1, { trust: "untrusted" })],
      [agent("a")],
      { pool: { ...here, untrustedAllowed: true } },
      ["1@a"],
    ],
    [
      "max-parallel",
      [1, 2, 3].map((id) => job(id, { siblingLimit: { key: "m", left: 2 } })),
      [agent("a", 9)],
      {},
      ["1@a", "2@a"],
    ],
    [
      "the limit of a repository",
      [job(1), job(2), job(3, { repository: 2 })],
      [agent("a", 9)],
      { shares: share(1, { jobsLeft: 1 }) },
      ["1@a", "3@a"],
    ],
    ["the limit of the pool", [job(1), job(2)], [agent("a", 9)], { poolJobsLeft: 1 }, ["1@a"]],
    ["at most so many offers a pass", [job(1), job(2)], [agent("a", 9)], { offersMax: 1 }, ["1@a"]],
  ] as const)("%s", (_, candidates, agents, change, expected) => {
    expect(match([...candidates], [...agents], change)).toEqual(expected);
  });

  it("spreads jobs over equal pools in proportion to their weights, each job always to the same", () => {
    const count = 4_000;
    const pools = [other({ name: "one" }), other({ name: "two", weight: 3 })];
    const goes = Array.from({ length: count }, (_, no) => {
      const answers = pools.map((pool) => {
        const rooms = pools.filter((one) => one !== pool);
        return match([job(no + 1, fresh)], [agent("a")], { pool, otherPools: rooms }).length;
      });
      expect(answers.toSorted()).toEqual([0, 1]);
      return answers[1] ?? 0;
    });
    expect(goes.filter((there) => there === 1).length / count).toBeCloseTo(0.75, 1);
  });

  it("bounds a wait on agents that have their host's name and take one job each, whatever is more urgent", () => {
    const waiting = job(1, { labels: ["linux", "gpu"], waitedMs: 9_000 });
    let history = NO_GRANTS;
    for (let no = 1; no <= OLDEST_TURN_EVERY; no++) {
      const urgent = job(no + 1, { priority: TOP_PRIORITY, owner: "you", repository: 2 });
      const machine = agent(`a${no}`, 1, ["linux", "gpu", `host-${no}`]);
      const { matches } = matchOffers([waiting, urgent], [machine], { ...options, history });
      expect(matches.map((found) => found.jobId)).toEqual([no < OLDEST_TURN_EVERY ? urgent.jobId : waiting.jobId]);
      history = recordGrants(history, matches);
    }
  });

  it("remembers what it counts for jobs that wait, however many other labels were asked for meanwhile", () => {
    const grant = { owner: "me", repositoryId: asRepositoryId(1), isOldestTurn: false };
    let history = NO_GRANTS;
    for (let no = 0; no < 12_000; no += 100) {
      const others = Array.from({ length: 100 }, (_, index) => `label-${no + index}`);
      history = recordGrants(history, [{ ...grant, fittingLabels: ["linux", ...others] }]);
    }
    expect(history.sinceOldest.get("linux")).toBe(120);
    expect(history.sinceOldest.size).toBe(10_000);
  });
});

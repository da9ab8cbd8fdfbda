import { describe, expect, it } from "vitest";
import { asAgentId, asJobId, asRepositoryId } from "./ids.ts";
import {
  AGING_EVERY_MS,
  type Candidate,
  type FreeAgent,
  type MatchOptions,
  matchOffers,
  PREFERRED_POOL_WAIT_MS,
} from "./match-offers.ts";

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
const options: MatchOptions = {
  pool: "default",
  untrustedAllowed: false,
  openByOwner: new Map(),
  openByRepository: new Map(),
  offersMax: 100,
};
const match = (candidates: Candidate[], agents: FreeAgent[], change: Partial<MatchOptions> = {}) =>
  matchOffers(candidates, agents, { ...options, ...change }).map((found) => `${found.jobId}@${found.agentId}`);

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
    ["priority first", [job(1), job(2, { priority: 5 })], [agent("a")], {}, ["2@a"]],
    [
      "waiting raises priority",
      [job(1, { waitedMs: AGING_EVERY_MS * 6 }), job(2, { priority: 5 })],
      [agent("a")],
      {},
      ["1@a"],
    ],
    [
      "the repository with fewer open jobs",
      [job(1), job(2, { repository: 2 })],
      [agent("a")],
      { openByRepository: new Map([[asRepositoryId(1), 4]]) },
      ["2@a"],
    ],
    [
      "the owner with fewer open jobs",
      [job(1), job(2, { repository: 2, owner: "you" })],
      [agent("a")],
      { openByOwner: new Map([["me", 4]]) },
      ["2@a"],
    ],
    [
      "repositories take turns",
      [job(1), job(2), job(3, { repository: 2, waitedMs: 1 })],
      [agent("a", 2)],
      {},
      ["1@a", "3@a"],
    ],
    ["left to the preferred pool for a while", [job(1, { preferredPool: "go" })], [agent("a")], {}, []],
    [
      "taken when that pool did not",
      [job(1, { preferredPool: "go", waitedMs: PREFERRED_POOL_WAIT_MS })],
      [agent("a")],
      {},
      ["1@a"],
    ],
    ["taken at once by the preferred pool", [job(1, { preferredPool: "go" })], [agent("a")], { pool: "go" }, ["1@a"]],
    ["untrusted work stays out", [job(1, { trust: "untrusted" })], [agent("a")], {}, []],
    ["unless the pool takes it", [job(1, { trust: "untrusted" })], [agent("a")], { untrustedAllowed: true }, ["1@a"]],
    [
      "max-parallel",
      [1, 2, 3].map((id) => job(id, { siblingLimit: { key: "m", left: 2 } })),
      [agent("a", 9)],
      {},
      ["1@a", "2@a"],
    ],
    ["at most so many offers a pass", [job(1), job(2)], [agent("a", 9)], { offersMax: 1 }, ["1@a"]],
  ] as const)("%s", (_, candidates, agents, change, expected) => {
    expect(match([...candidates], [...agents], change)).toEqual(expected);
  });

  it("holds for any farm: no slot twice, no job twice, labels fit, nothing placeable is left, order of input does not matter", () => {
    let seed = 42;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const words = ["linux", "gpu", "arm", "big"];
    const someLabels = () => words.filter(() => random(2) === 0);
    for (let round = 0; round < 200; round++) {
      const agents = Array.from({ length: random(6) }, (_, n) => agent(`a${n}`, random(4), someLabels()));
      const candidates = Array.from({ length: random(30) }, (_, n) =>
        job(n + 1, {
          repository: random(4),
          owner: `o${random(2)}`,
          priority: random(3),
          waitedMs: random(300_000),
          labels: someLabels(),
        }),
      );
      const found = matchOffers(candidates, agents, options);
      expect(new Set(found.map((one) => one.jobId)).size).toBe(found.length);
      const left = new Map(agents.map((one) => [one.agentId, one.freeSlots]));
      for (const { jobId, agentId } of found) {
        left.set(agentId, (left.get(agentId) ?? 0) - 1);
        const has = agents.find((one) => one.agentId === agentId)?.labels ?? [];
        expect(candidates.find((one) => one.jobId === jobId)?.labels.every((label) => has.includes(label))).toBe(true);
      }
      for (const slots of left.values()) expect(slots).toBeGreaterThanOrEqual(0);
      const matched = new Set(found.map((one) => one.jobId));
      for (const one of candidates.filter((candidate) => !matched.has(candidate.jobId)))
        for (const { agentId, labels } of agents)
          if (one.labels.every((label) => labels.includes(label))) expect(left.get(agentId)).toBe(0);
      expect(matchOffers([...candidates].reverse(), [...agents].reverse(), options)).toEqual(found);
    }
  });
});

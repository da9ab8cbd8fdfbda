import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CONCURRENCY_PENDING_MAX,
  type ConcurrencyEntry,
  concurrencyKey,
  decideConcurrency,
  decideRelease,
} from "./decide-concurrency.ts";

const holding = (id: number): ConcurrencyEntry => ({ id, state: "holding", since: id });
const pending = (id: number): ConcurrencyEntry => ({ id, state: "pending", since: id });
const single = { id: 9, queue: "single", cancelInProgress: false } as const;
const cancelling = { id: 9, queue: "single", cancelInProgress: true } as const;
const patient = { id: 9, queue: "max", cancelInProgress: false } as const;

describe("decideConcurrency", () => {
  it.each([
    ["a free group is held at once", [], single, "holding", [], []],
    ["who comes second waits", [holding(1)], single, "pending", [], []],
    ["a newer one replaces the one that waits", [holding(1), pending(2)], single, "pending", [2], []],
    ["cancel-in-progress also ends the holder", [holding(1), pending(2)], cancelling, "pending", [2], [1]],
    ["queue max waits behind all", [holding(1), pending(2), pending(3)], patient, "pending", [], []],
    ["queue max does not pass who waits for a free group", [pending(2)], patient, "pending", [], []],
    ["one that replaces all who wait takes a free group", [pending(2), pending(3)], single, "holding", [2, 3], []],
    ["asking again changes nothing", [holding(9), pending(2)], cancelling, "holding", [], []],
    ["nor does it for one that waits", [holding(1), pending(9)], cancelling, "pending", [], []],
  ] as const)("%s", (_, entries, newcomer, state, cancelPending, cancelHolders) => {
    expect(decideConcurrency({ entries, newcomer })).toEqual({ newcomer: state, cancelPending, cancelHolders });
  });

  it("refuses who asks when as many wait as may, unless it takes their place", () => {
    const waiting = Array.from({ length: CONCURRENCY_PENDING_MAX }, (_, at) => pending(at + 10));
    const full = [holding(1), ...waiting];
    expect(decideConcurrency({ entries: full.slice(0, -1), newcomer: patient }).newcomer).toBe("pending");
    expect(decideConcurrency({ entries: full, newcomer: patient })).toEqual({
      newcomer: "refused",
      cancelPending: [],
      cancelHolders: [],
    });
    expect(decideConcurrency({ entries: full, newcomer: single }).cancelPending).toHaveLength(waiting.length);
  });

  it("gives a group to who waited longest, and to nobody while it is held", () => {
    expect(decideRelease([])).toBeNull();
    expect(decideRelease([pending(3), pending(2)])).toBe(2);
    expect(decideRelease([pending(3), holding(1)])).toBeNull();
    expect(decideRelease([{ ...pending(3), since: 1 }, pending(2)])).toBe(3);
  });

  it("takes names that differ in case for one group", () => {
    expect(concurrencyKey("Deploy-Main")).toBe(concurrencyKey("deploy-MAIN"));
  });
});

/** What happens to one group: somebody asks, the holder ends, or somebody is cancelled from outside. */
const happenings = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("ask" as const),
      queue: fc.constantFrom("single" as const, "max" as const),
      cancelInProgress: fc.boolean(),
    }),
    fc.record({ kind: fc.constant("end" as const) }),
    fc.record({ kind: fc.constant("leave" as const), at: fc.nat(20) }),
  ),
  { maxLength: 60 },
);

type Happening = typeof happenings extends fc.Arbitrary<readonly (infer One)[]> ? One : never;

/** Plays the happenings as the store would: decide, apply, release. */
function play(all: readonly Happening[]) {
  let entries: ConcurrencyEntry[] = [];
  const replaced: number[] = [];
  const ran: number[] = [];
  let lastId = 0;
  const release = () => {
    const next = decideRelease(entries);
    if (next !== null) hold(next);
  };
  const hold = (id: number) => {
    ran.push(id);
    entries = [...entries.filter((entry) => entry.id !== id), { id, state: "holding", since: id }];
  };
  const check = () => {
    expect(entries.filter((entry) => entry.state === "holding").length).toBe(entries.length === 0 ? 0 : 1);
  };
  for (const one of all) {
    if (one.kind === "ask") {
      lastId += 1;
      const newcomer = { id: lastId, queue: one.queue, cancelInProgress: one.cancelInProgress };
      const decision = decideConcurrency({ entries, newcomer });
      replaced.push(...decision.cancelPending);
      entries = entries.filter((entry) => !decision.cancelPending.includes(entry.id));
      if (decision.newcomer === "holding") hold(lastId);
      else entries = [...entries, { id: lastId, state: "pending", since: lastId }];
      expect(entries.filter((entry) => entry.state === "pending").length <= 1 || one.queue === "max").toBe(true);
    } else {
      const gone =
        one.kind === "end"
          ? entries.find((entry) => entry.state === "holding")?.id
          : entries[one.at % Math.max(1, entries.length)]?.id;
      entries = entries.filter((entry) => entry.id !== gone);
    }
    release();
    check();
  }
  return { entries, replaced, ran, lastId, end: () => ran };
}

describe("a concurrency group", () => {
  it("never has two holders, and has one whenever anybody wants it: nobody waits for ever", () => {
    fc.assert(fc.property(happenings, (all) => void play(all)));
  });

  it("runs those of queue max in the order in which they asked, every one", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (ends) => {
        const asks = ends.flatMap((isEnd): Happening[] => [
          { kind: "ask", queue: "max", cancelInProgress: false },
          ...(isEnd ? [{ kind: "end" as const }] : []),
        ]);
        const drained = play([...asks, ...ends.map((): Happening => ({ kind: "end" }))]);
        expect(drained.ran).toEqual(Array.from({ length: drained.lastId }, (_, at) => at + 1));
        expect(drained.replaced).toEqual([]);
        expect(drained.entries).toEqual([]);
      }),
    );
  });

  it("runs or replaces each, never both, and always runs the newest of queue single", () => {
    fc.assert(
      fc.property(happenings, (all) => {
        const asks = all.filter((one) => one.kind === "ask");
        const drained = play([...asks, ...asks.map((): Happening => ({ kind: "end" }))]);
        expect(new Set([...drained.ran, ...drained.replaced]).size).toBe(drained.lastId);
        expect(drained.ran.length + drained.replaced.length).toBe(drained.lastId);
        if (drained.lastId > 0) expect(drained.ran).toContain(drained.lastId);
      }),
    );
  });

  it("decides the same in whatever order the entries are read", () => {
    const entry = fc.record({
      id: fc.nat(6),
      state: fc.constantFrom("holding" as const, "pending" as const),
      since: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: (one) => one.id }), fc.boolean(), (entries, isSingle) => {
        const newcomer = { id: 99, queue: isSingle ? ("single" as const) : ("max" as const), cancelInProgress: true };
        const turned = entries.toReversed();
        const sorted = (ids: readonly number[]) => ids.toSorted((a, b) => a - b);
        const [one, two] = [entries, turned].map((read) => decideConcurrency({ entries: read, newcomer }));
        expect(one?.newcomer).toBe(two?.newcomer);
        expect(sorted(one?.cancelPending ?? [])).toEqual(sorted(two?.cancelPending ?? []));
        expect(decideRelease(entries)).toBe(decideRelease(turned));
      }),
    );
  });
});

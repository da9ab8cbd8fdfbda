import { expect, it } from "vitest";
import { decideLeave, type LeaveFacts, type LeaveRules } from "./leave-by-itself.ts";

const rules = (over: Partial<LeaveRules> = {}): LeaveRules => ({
  isOnce: false,
  idleMs: undefined,
  uptimeMsMax: undefined,
  ...over,
});
const facts = (over: Partial<LeaveFacts> = {}): LeaveFacts => ({ upForMs: 0, idleForMs: 0, doneCount: 0, ...over });

it.each([
  ["one without rules stays", rules(), facts({ upForMs: 1e12, idleForMs: 1e12, doneCount: 9 }), undefined],
  ["one for one job waits for it", rules({ isOnce: true }), facts({ idleForMs: 1e9 }), undefined],
  ["and goes when it is done", rules({ isOnce: true }), facts({ doneCount: 1 }), "its one job is done"],
  ["one that was idle for less stays", rules({ idleMs: 600_000 }), facts({ idleForMs: 599_999 }), undefined],
  ["one that was idle for long goes", rules({ idleMs: 600_000 }), facts({ idleForMs: 600_000 }), "it had no job for"],
  ["one that works is not idle", rules({ idleMs: 1 }), facts({ idleForMs: undefined }), undefined],
  [
    "one that ran for long goes",
    rules({ uptimeMsMax: 10 }),
    facts({ upForMs: 10, idleForMs: undefined }),
    "it has run",
  ],
])("%s", (_, rule, fact, reason) => {
  if (reason === undefined) expect(decideLeave(rule, fact)).toBeUndefined();
  else expect(decideLeave(rule, fact)).toContain(reason);
});

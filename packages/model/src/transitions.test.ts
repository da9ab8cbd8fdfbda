import { describe, expect, it } from "vitest";
import { AGENT_STATES, ATTEMPT_STATES, isAttemptOpen, JOB_STATES } from "./states.ts";
import { AGENT_TRANSITIONS, ATTEMPT_TRANSITIONS, JOB_TRANSITIONS, type Transition } from "./transitions.ts";

const reachable = (start: string, table: Record<string, Transition<string>>) => {
  const seen = new Set([start]);
  for (let before = 0; before !== seen.size; ) {
    before = seen.size;
    for (const { from, to } of Object.values(table)) if (from.some((state) => seen.has(state))) seen.add(to);
  }
  return [...seen].sort();
};

describe("transitions", () => {
  it("lead to every state of a job, an attempt, an agent", () => {
    expect(reachable("blocked", JOB_TRANSITIONS)).toEqual([...JOB_STATES].sort());
    expect(reachable("offered", ATTEMPT_TRANSITIONS)).toEqual([...ATTEMPT_STATES].sort());
    expect(reachable("joining", AGENT_TRANSITIONS)).toEqual([...AGENT_STATES].sort());
  });

  it("never leave a finished job, a closed attempt, a removed agent", () => {
    for (const { from } of Object.values(JOB_TRANSITIONS)) expect(from).not.toContain("finished");
    for (const { from } of Object.values(ATTEMPT_TRANSITIONS)) expect(from.every(isAttemptOpen)).toBe(true);
    for (const { from } of Object.values(AGENT_TRANSITIONS)) expect(from).not.toContain("removed");
  });

  it("carry the name they are listed under", () => {
    for (const table of [JOB_TRANSITIONS, ATTEMPT_TRANSITIONS, AGENT_TRANSITIONS])
      for (const [name, { name: carried }] of Object.entries(table)) expect(carried).toBe(name);
  });
});

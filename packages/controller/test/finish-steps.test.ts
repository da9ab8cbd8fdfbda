import type { StepReport } from "@windrow/model";
import type { Offer } from "@windrow/wire";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import { type FakeAgent, report } from "./fake-agent.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

const ONE = "on: push\njobs: { one: { runs-on: linux, steps: [{ run: x }] } }";

async function startOne(): Promise<{ agent: FakeAgent; offer: Offer; runId: number }> {
  const agent = await core.addAgent();
  await agent.connect();
  const runId = await core.insertRun(ONE);
  const offer = await agent.offer();
  await agent.start(offer);
  return { agent, offer, runId };
}

const ended = (stepNo: number, more: Partial<StepReport> = {}): StepReport => ({
  ...{ stepNo, name: "step", state: "finished", outcome: "succeeded", startedAtMs: 1_000, finishedAtMs: 2_000 },
  ...more,
});

/** What is kept of the attempt's steps, in order. */
async function rowsOf(offer: Offer) {
  const [steps, annotations, summaries] = await Promise.all([
    core.db.selectFrom("steps").selectAll().where("attempt_id", "=", offer.attemptId).orderBy("step_no").execute(),
    core.db.selectFrom("annotations").selectAll().where("attempt_id", "=", offer.attemptId).execute(),
    core.db.selectFrom("step_summaries").selectAll().where("attempt_id", "=", offer.attemptId).execute(),
  ]);
  const outcomes = steps.map((step) => step.outcome);
  return { outcomes, messages: annotations.map((one) => one.message), summaries: summaries.map((one) => one.text) };
}

describe("a finish that carries reports of steps", () => {
  it("writes them before the attempt ends, with what they leave", async () => {
    const { agent, offer, runId } = await startOne();
    const started: StepReport = { stepNo: 0, name: "step", state: "running", startedAtMs: 1_000 };
    await agent.api.reportSteps({ lease: agent.lease(offer), steps: [started] });
    const first = ended(0, { annotations: [{ level: "error", message: "look" }], summary: "# Done" });
    const answer = await agent.finish(offer, {}, [first, ended(1, { outcome: "skipped" })]);
    expect(answer).toEqual({ kind: "accepted", jobState: "finished" });
    expect(await core.runFinished(runId)).toBe("success");
    const rows = { outcomes: ["succeeded", "skipped"], messages: ["look"], summaries: ["# Done"] };
    expect(await rowsOf(offer)).toEqual(rows);
    const kinds = await core.eventKinds(runId);
    expect(kinds.slice(kinds.indexOf("step_running"))).toEqual([
      "step_running",
      "step_finished",
      "step_finished",
      "attempt_finished",
      "job_finished",
      "run_finished",
    ]);
    expect(await agent.finish(offer, {}, [ended(0, { outcome: "failed" }), ended(2)])).toEqual(answer);
    expect(await rowsOf(offer)).toEqual(rows);
    expect(await core.eventKinds(runId)).toEqual(kinds);
  });

  it("writes nothing for an attempt that is not the caller's any more", async () => {
    const { agent, offer, runId } = await startOne();
    const other = await core.addAgent();
    await other.connect();
    await expect(other.finish(offer, {}, [ended(0)])).rejects.toMatchObject({ code: "revoked" });
    const late = { lease: agent.lease(offer), report: report(), steps: [ended(0)] };
    const setSession = (session_no: number) =>
      core.db.updateTable("attempts").set({ session_no }).where("id", "=", offer.attemptId).execute();
    await setSession(agent.sessionNo + 1);
    await expect(agent.api.finishAttempt(late)).rejects.toMatchObject({ code: "revoked" });
    expect((await rowsOf(offer)).outcomes).toEqual([]);
    // An open job would go to the agent of the next test.
    await setSession(agent.sessionNo);
    await agent.finish(offer);
    expect(await core.runFinished(runId)).toBe("success");
  });

  it("writes them once when bytes of the log are asked for first", async () => {
    const { agent, offer, runId } = await startOne();
    const seals = await agent.ship(offer, { "0": Buffer.from("hello\n") });
    const sealed = seals.map((seal) => ({ ...seal, lengthBytes: seal.lengthBytes + 1 }));
    const steps = [ended(0, { summary: "# Done" })];
    expect(await agent.finish(offer, { seals: sealed }, steps)).toEqual({ kind: "needLog", stream: "0", offset: 6 });
    expect(await rowsOf(offer)).toEqual({ outcomes: ["succeeded"], messages: [], summaries: ["# Done"] });
    expect(await agent.finish(offer, { seals }, steps)).toMatchObject({ kind: "accepted" });
    expect(await core.runFinished(runId)).toBe("success");
    expect((await core.eventKinds(runId)).filter((kind) => kind === "step_finished")).toHaveLength(1);
  });

  it("is refused when it names more steps than a report may", async () => {
    const { agent, offer, runId } = await startOne();
    const many = Array.from({ length: 10_001 }, (_, stepNo) => ended(stepNo));
    await expect(agent.finish(offer, {}, many)).rejects.toMatchObject({ code: "too_large" });
    expect((await rowsOf(offer)).outcomes).toEqual([]);
    await agent.finish(offer);
    expect(await core.runFinished(runId)).toBe("success");
  });
});

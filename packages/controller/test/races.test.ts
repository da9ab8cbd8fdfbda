import { type AttemptId, asAttemptId, Refusal } from "@windrow/model";
import { findExpiredOffers } from "@windrow/store";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CancelDeps, requestCancel } from "../src/runs/cancel-run.ts";
import { loseAttempt } from "../src/runs/end-attempt-run.ts";
import { declineOffer, expireOffer } from "../src/runs/end-offer.ts";
import { rerunRun } from "../src/runs/rerun-run.ts";
import { createRunTexts } from "../src/runs/run-texts.ts";
import { type Core, startCore } from "./core-kit.ts";
import { waitFor } from "./wait-for.ts";

let core: Core;
let deps: CancelDeps;
beforeAll(async () => {
  core = await startCore();
  // heartbeats come quickly, so that an agent that let an offer run out is back quickly
  await core.setPool({ suspect_after_ms: 600 });
  deps = {
    db: core.db,
    publicUrl: () => "http://farm",
    texts: createRunTexts(),
    announcer: { announce: () => undefined, announceRun: () => undefined, tellCancels: () => undefined },
  };
});
afterAll(() => core.stop());

const MATRIX = `
on: push
jobs:
  m:
    runs-on: linux
    strategy: { matrix: { n: [1, 2] } }
    steps: [{ run: x }]
  after: { runs-on: linux, needs: m, if: always(), steps: [{ run: x }] }
`;
const ROUNDS = 6;

const by = { by: "test", reason: "test" };

const lose = (attemptId: AttemptId) =>
  loseAttempt(deps, attemptId, { how: "lose", reason: "agent_lost", isDue: () => true });

/** Cancels what is left, also what outlives a first cancel, and takes it from its agent. */
async function endRun(runId: number): Promise<void> {
  await requestCancel(deps, { target: { runId }, ...by });
  await requestCancel(deps, { target: { runId }, ...by });
  await waitFor("the run's end", async () => {
    const open = await core.db.selectFrom("attempts").select("id").where("finished_at", "is", null).execute();
    for (const { id } of open) await lose(asAttemptId(id));
    const run = await core.db.selectFrom("runs").select("state").where("id", "=", runId).executeTakeFirst();
    return run?.state === "finished";
  });
}

/** Does all of it at once; whatever is refused is refused as such. */
async function atOnce(acts: readonly (() => Promise<unknown>)[]): Promise<void> {
  const results = await Promise.allSettled(acts.map((act) => act()));
  for (const result of results) {
    if (result.status === "rejected" && !(result.reason instanceof Refusal)) throw result.reason;
  }
}

async function checkInvariants(): Promise<void> {
  const { db } = core;
  const jobs = await db.selectFrom("jobs").select(["id", "state"]).execute();
  const attempts = await db.selectFrom("attempts").select(["id", "job_id", "state"]).execute();
  const events = await db.selectFrom("events").select(["kind", "job_id", "attempt_id"]).execute();
  for (const job of jobs) {
    const open = attempts.filter((one) => one.job_id === job.id && ["offered", "running"].includes(one.state));
    expect([job, open.length]).toEqual([job, job.state === "leased" || job.state === "running" ? 1 : 0]);
    const ends = events.filter((event) => event.job_id === job.id && event.kind === "job_finished");
    expect([job, ends.length]).toEqual([job, job.state === "finished" ? 1 : 0]);
  }
  const ending = new Set(["finished", "lost", "revoked", "declined", "expired"].map((state) => `attempt_${state}`));
  for (const attempt of attempts) {
    const ends = events.filter((event) => event.attempt_id === attempt.id && ending.has(event.kind));
    const isOpen = attempt.state === "offered" || attempt.state === "running";
    expect([attempt, ends.map((event) => event.kind)]).toEqual([attempt, isOpen ? [] : [`attempt_${attempt.state}`]]);
  }
}

it("whatever happens to an attempt at the same moment, it ends once and its job goes one way", async () => {
  const agent = await core.addAgent({ slots: 3 });
  await agent.connect();
  for (let round = 0; round < ROUNDS; round++) {
    const runId = await core.insertRun(MATRIX);
    const [one, two] = [await agent.offer(), await agent.offer()];
    // offers: started, declined, run out, cancelled
    await core.db.updateTable("attempts").set({ offer_until: new Date() }).where("id", "=", two.attemptId).execute();
    await atOnce([
      () => agent.start(one),
      () => agent.start(one),
      () => declineOffer(deps, { ...one, agentId: agent.agentId, reason: "test" }),
      () => agent.start(two),
      async () => {
        for (const { attemptId } of await findExpiredOffers(core.db)) await expireOffer(deps, attemptId);
      },
      () => expireOffer(deps, two.attemptId),
      ...(round % 3 === 0 ? [() => requestCancel(deps, { target: { jobId: one.jobId }, ...by })] : []),
    ]);
    await checkInvariants();
    // running ones: finished, lost, cancelled, twice
    await atOnce([
      () => agent.finish(one, round % 2 === 0 ? {} : { outcome: "failed" }),
      () => agent.finish(one),
      () => lose(one.attemptId),
      () => lose(two.attemptId),
      () => requestCancel(deps, { target: { runId }, ...by }),
      () => agent.api.reportSteps({ lease: agent.lease(one), steps: [] }),
    ]);
    await checkInvariants();
    // whatever is left is worked off, and two reruns at once make one
    await endRun(runId);
    const again = { runId, mode: "all", by: "test" } as const;
    await atOnce([() => rerunRun(deps, again), () => rerunRun(deps, again)]);
    const run = await core.db.selectFrom("runs").select("attempt").where("id", "=", runId).executeTakeFirst();
    expect(run?.attempt).toBe(2);
    await endRun(runId);
    agent.held.clear();
    agent.offers.length = 0;
    await checkInvariants();
  }
});

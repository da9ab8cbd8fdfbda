import { createHash } from "node:crypto";
import { join } from "node:path";
import { ensureRepository, inTransaction } from "@windrow/store";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeActionRepository } from "./actions-kit.ts";
import { type Core, startCore } from "./core-kit.ts";

let core: Core;
let first: string;
let second: string;
beforeAll(async () => {
  core = await startCore();
  await inTransaction(core.db, (tx) =>
    ensureRepository(tx, { owner: "me", name: "tool", defaultBranch: "main", createdBy: "me" }),
  );
  ({ first, second } = makeActionRepository(join(core.dataDir, "git/me/tool.git")));
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

const HELLO = `
on: push
jobs:
  hello: { runs-on: linux, steps: [{ uses: me/tool@v1 }] }
`;

/** An agent with a running attempt. */
async function startJob() {
  const agent = await core.addAgent();
  await agent.connect();
  const runId = await core.insertRun(HELLO);
  const offer = await agent.offer();
  const start = await agent.start(offer);
  return { agent, runId, offer, start, lease: agent.lease(offer) };
}

describe("a running attempt", () => {
  it("has its actions resolved and fetched, and people see which commit it was", async () => {
    const { agent, runId, lease, offer } = await startJob();
    const action = { lease, repository: "me/tool" };
    expect(await agent.api.resolveAction({ ...action, ref: "v1" })).toEqual({ kind: "sha", sha: first });
    const { data, totalBytes } = await agent.api.fetchAction({ ...action, sha: first, offset: 0 });
    expect(data.length).toBe(totalBytes);
    expect(Buffer.from(data).toString("latin1")).toContain("action.yml");
    await expect(agent.api.fetchAction({ ...action, sha: second, offset: 0 })).rejects.toMatchObject({
      code: "not_found",
    });
    const none = await agent.api.resolveAction({ ...action, repository: "me/none", ref: "v1" });
    expect(none).toMatchObject({ kind: "problem", problem: expect.stringMatching(/WINDROW_ACTIONS_DIR/) });
    const [controller] = core.controllers;
    const response = await fetch(`http://127.0.0.1:${controller?.port}/api/v1/runs/${runId}`, {
      headers: { authorization: `Bearer ${await core.adminToken()}` },
    });
    expect(await response.json()).toMatchObject({ actions: [{ repository: "me/tool", ref: "v1", sha: first }] });
    await agent.finish(offer);
    await expect(agent.api.resolveAction({ ...action, ref: "v1" })).rejects.toMatchObject({ code: "revoked" });
  });

  it("is told nothing under another attempt's lease", async () => {
    const mine = await startJob();
    const theirs = await core.addAgent();
    await theirs.connect();
    const lease = theirs.lease(mine.offer);
    const asked = { lease, repository: "me/tool", ref: "v1" };
    await expect(theirs.api.resolveAction(asked)).rejects.toMatchObject({ code: "revoked" });
    const digest = mine.start.plan.eventDigest;
    await expect(theirs.api.fetchDocument({ lease, digest, offset: 0 })).rejects.toMatchObject({ code: "revoked" });
  });

  it("gets the event with its start, and the same by its digest", async () => {
    const { agent, start, lease } = await startJob();
    const event = Buffer.from(start.event ?? "");
    expect(createHash("sha256").update(event).digest("hex")).toBe(start.plan.eventDigest);
    const document = { lease, digest: start.plan.eventDigest, offset: 0 };
    expect(await agent.api.fetchDocument(document)).toEqual({ data: event, totalBytes: event.length });
    expect((await agent.api.fetchDocument({ ...document, offset: 1 })).data).toEqual(event.subarray(1));
    const other = { ...document, digest: "0".repeat(64) };
    await expect(agent.api.fetchDocument(other)).rejects.toMatchObject({ code: "not_found" });
  });
});

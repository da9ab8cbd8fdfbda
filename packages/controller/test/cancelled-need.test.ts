import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";
import { waitFor } from "./wait-for.ts";

let core: Core;
beforeAll(async () => {
  core = await startCore();
});
afterEach(() => core.removeAgents());
afterAll(() => core.stop());

const job = (more: string) => `{ runs-on: linux, steps: [{ run: x }], ${more} }`;
const CHAIN = `
on: push
jobs:
  first: ${job("")}
  beside: ${job("")}
  second: ${job("needs: first")}
  last: ${job('needs: [second, beside], if: "always()"')}
`;

async function cancel(path: string): Promise<void> {
  const response = await fetch(`${core.controllers[0]?.url}/api/v1/${path}/cancel`, {
    method: "POST",
    headers: { authorization: `Bearer ${await core.adminToken()}`, "content-type": "application/json" },
    body: "{}",
  });
  expect(response.ok, await response.text()).toBe(true);
}

it.each(["job", "run"])(
  "a %s that is cancelled leaves what wants to run even so to the end of all it depends on",
  async (what) => {
    const agent = await core.addAgent({ slots: 4 });
    await agent.connect();
    const runId = await core.insertRun(CHAIN);
    const offers = [await agent.offer(), await agent.offer()];
    const keys = await Promise.all(offers.map(async (offer) => (await agent.start(offer)).plan.jobKey));
    const [first, beside] = ["first", "beside"].map((key) => offers[keys.indexOf(key)]);
    if (first === undefined || beside === undefined) throw new Error("both were offered");
    const stateOf = async (key: string) => (await core.jobs(runId)).find((one) => one.key === key);
    await cancel(what === "run" ? `runs/${runId}` : `jobs/${(await stateOf("second"))?.id}`);
    expect(await stateOf("second")).toMatchObject({ state: "finished", outcome: "cancelled" });
    // its direct needs are finished, and one further up is not
    await agent.finish(beside, { outcome: "cancelled", reason: "cancelled" });
    expect(await stateOf("last")).toMatchObject({ state: "blocked" });
    await agent.finish(first, { outcome: "cancelled", reason: "cancelled" });
    await waitFor("the last one", async () => (await stateOf("last"))?.state !== "blocked");
    expect((await agent.runNext()).jobKey).toBe("last");
    expect(await core.runFinished(runId)).toBe("cancelled");
  },
);

import { afterEach, expect, test } from "vitest";
import { beginJob, GO } from "../kit/begin-job.ts";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { waitFor } from "../kit/wait-for.ts";

let farm: Farm;
afterEach(() => farm?.stop());

interface AgentAnswer {
  readonly state: string;
  readonly stopped_at: string | null;
}

test("an agent that is stopped in order says goodbye: it is gone at once, and ready again when it is started", async () => {
  farm = await Farm.start({ agents: 2 });
  const view = (name: string) => farm.api<AgentAnswer>("GET", `/api/v1/agents/${name}`);
  await farm.agent("agent-1").child.stop();
  // nothing to wait for: the controller noted the goodbye before it ended the call
  expect(await view("agent-1")).toMatchObject({ state: "lost", stopped_at: expect.any(String) });
  await farm.agent("agent-2").child.kill();
  await waitFor("the killed one to be suspect", async () => (await view("agent-2")).state === "suspect");
  expect((await view("agent-2")).stopped_at).toBeNull();

  await farm.startAgent({ name: "agent-1" });
  expect(await view("agent-1")).toMatchObject({ state: "ready", stopped_at: null });
  const { runId, marker } = await beginJob(farm);
  // asked once, it takes nothing new and waits for its job; then it is gone
  farm.agent("agent-1").child.signal("SIGTERM");
  marker.open(GO);
  await farm.agent("agent-1").child.exited;
  expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
  expect(await view("agent-1")).toMatchObject({ state: "lost", stopped_at: expect.any(String) });
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
});

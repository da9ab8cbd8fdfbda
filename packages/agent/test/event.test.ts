// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AgentBench } from "./agent-bench.ts";
import { planOf, runStep } from "./fake-controller.ts";

let bench: AgentBench;
beforeEach(() => {
  bench = new AgentBench();
});
afterEach(() => bench.stop());

it("fetches an event that does not come with the start, in pieces, and gives it to the steps", async () => {
  await bench.start();
  const event = JSON.stringify({ after: "aaaa", filler: "é".repeat(400_000) });
  const steps = [runStep('sha256sum < "$GITHUB_EVENT_PATH"\necho "${{ github.event.after }}"')];
  const attempt = bench.controller.offer(planOf(steps), { event, isEventInline: false });
  expect(await bench.finished(attempt)).toMatchObject({ outcome: "succeeded" });
  const digest = createHash("sha256").update(event).digest("hex");
  expect(bench.controller.log(attempt, "0").toString()).toBe(`${digest}  -\naaaa\n`);
});

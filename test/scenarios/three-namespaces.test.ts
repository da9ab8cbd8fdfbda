import { afterAll, beforeAll, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { Marker } from "../kit/marker.ts";
import { createNamespaces, type Namespaces, whyNoNamespaces } from "../kit/namespaces.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";

const reason = whyNoNamespaces();

let namespaces: Namespaces;
let farm: Farm;
beforeAll(async () => {
  if (reason !== undefined) return;
  namespaces = createNamespaces();
  farm = await Farm.start({ controllers: 2, agents: 2, network: namespaces });
});
afterAll(async () => {
  if (reason !== undefined) return;
  await farm.stop();
  namespaces.remove();
});

test(`two controllers and two agents on addresses of their own, in three namespaces, build a push`, async (context) => {
  context.skip(reason !== undefined, reason);
  const marker = new Marker();
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  left:
    runs-on: linux
    steps:
      - uses: actions/checkout@v4
      - run: test -f .windrow/workflows/ci.yml
      - run: ${marker.line}; ${marker.openLine("left")}; ${marker.waitLine("right")}
  right:
    runs-on: linux
    steps:
      - uses: actions/checkout@v4
      - run: ${marker.line}; ${marker.openLine("right")}; ${marker.waitLine("left")}
`,
    { controller: 1 },
  );
  const run = await farm.waitRunFinished(runId);
  expect(run.conclusion).toBe("success");
  const attempts = await farm.attempts(runId);
  expect(attempts.map((attempt) => attempt.agent).sort()).toEqual(["agent-1", "agent-2"]);
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
});

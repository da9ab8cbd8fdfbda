import { findNetworkTools, findSandbox } from "@windrow/backends";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";

const [sandbox, networks] = await Promise.all([findSandbox(undefined), findNetworkTools()]);
const problem = "problem" in sandbox ? sandbox.problem : "problem" in networks ? networks.problem : undefined;

if (problem !== undefined) test.skip(`how pools want jobs to run is not tried: ${problem}`);

const LOOK = `
on: push
jobs:
  look:
    runs-on: linux
    steps:
      - run: |
          if [ -e /var/lib/dpkg ]; then echo on the machine; else echo in a sandbox; fi
          sed -n 's/^ *\\([^:]*\\):.*/\\1/p' /proc/net/dev | grep -v '^\\(tunl\\|sit\\|ip6\\|gre\\|erspan\\)'
`;

describe.runIf(problem === undefined)("a pool that says how its jobs run", () => {
  let farm: Farm;
  let looks = 0;
  beforeAll(async () => {
    farm = await Farm.start({ agents: 1 });
  });
  afterAll(() => farm?.stop());

  async function look(): Promise<string> {
    looks += 1;
    const { runId } = await pushWorkflow(farm, `${LOOK}# ${looks}\n`);
    expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
    const [job] = await farm.jobs(runId);
    return (await readLog(farm, { jobId: job?.id ?? 0, stream: "0" })).toString();
  }

  test("the next job of the same agent runs as it says, and the one after the next change as that says", async () => {
    const set = (settings: unknown) => farm.api("PATCH", "/api/v1/pools/default", { body: { job_settings: settings } });
    expect(await look()).toMatch(/^on the machine\n/);
    await set({ confinement: "sandbox", egress: { kind: "none" } });
    // nothing but its own loopback
    expect(await look()).toBe("in a sandbox\nlo\n");
    await set(null);
    expect(await look()).toMatch(/^on the machine\n/);
    await checkHistory(farm);
  });
});

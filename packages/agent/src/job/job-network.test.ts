import { JOB_POLICY_DEFAULT } from "@windrow/model";
import { expect, it } from "vitest";
import { whatWallLacks } from "./job-network.ts";

const problem = "iptables is not installed";

it("lets no container run where there is no wall to keep it behind, unless its pool wants none", () => {
  const machine = { networks: { problem } };
  expect(whatWallLacks({ machine, policy: JOB_POLICY_DEFAULT })).toBe(
    `the job's pool limits what containers reach, which cannot be done here: ${problem}`,
  );
  const open = { ...JOB_POLICY_DEFAULT, farmAccess: true };
  expect(whatWallLacks({ machine, policy: open })).toBeUndefined();
  expect(whatWallLacks({ machine, policy: { ...open, egress: { kind: "none" } } })).toContain(problem);
  expect(whatWallLacks({ machine: { networks: { problem: undefined } }, policy: JOB_POLICY_DEFAULT })).toBeUndefined();
});

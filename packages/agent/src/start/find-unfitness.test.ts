import { effectiveJobPolicy, JOB_POLICY_DEFAULT, type PoolJobSettings } from "@windrow/model";
import { expect, test } from "vitest";
import { type AgentMeans, findUnfitness } from "./find-unfitness.ts";

const ABLE: AgentMeans = { confinement: "host", sandboxProblem: undefined, networks: { problem: undefined } };
const NO_ROOT = { problem: "the agent is not root" };

test.each<
  [
    what: string,
    settings: PoolJobSettings | null,
    untrusted: boolean,
    means: Partial<AgentMeans>,
    why: RegExp | undefined,
  ]
>([
  ["one that can all", null, true, {}, undefined],
  [
    "one that can nothing, of a pool that asks for nothing",
    null,
    false,
    { sandboxProblem: "x", networks: NO_ROOT },
    undefined,
  ],
  [
    "one without bubblewrap, of a pool for strangers",
    null,
    true,
    { sandboxProblem: "no bwrap" },
    /pool p .*sandbox.*: no bwrap$/,
  ],
  [
    "one without bubblewrap, of a pool for strangers on the machine",
    { confinement: "host" },
    true,
    { sandboxProblem: "no bwrap" },
    undefined,
  ],
  [
    "one without networks, of a pool for strangers",
    null,
    true,
    { networks: NO_ROOT },
    /not root; an admin .*--farm-access on/,
  ],
  [
    "one that makes no networks at all",
    { confinement: "sandbox" },
    false,
    { networks: undefined },
    /no network of its own/,
  ],
  ["one without networks, of a pool that needs none", { farmAccess: true }, true, { networks: NO_ROOT }, undefined],
  [
    "one without networks, of a pool that lets jobs out nowhere",
    { farmAccess: true, egress: { kind: "none" } },
    true,
    { networks: NO_ROOT },
    /not root/,
  ],
  [
    "one that sandboxes by itself and has no networks",
    null,
    false,
    { confinement: "sandbox", networks: NO_ROOT },
    /was started to put jobs/,
  ],
])("%s: %j", (_what, settings, untrustedAllowed, means, why) => {
  const problem = findUnfitness(effectiveJobPolicy(settings, { untrustedAllowed }), { ...ABLE, ...means }, "p");
  if (why === undefined) expect(problem).toBeUndefined();
  else expect(problem).toMatch(why);
});

test("an agent at a controller of the version before can always do as it says", () => {
  expect(findUnfitness(JOB_POLICY_DEFAULT, { ...ABLE, networks: NO_ROOT }, "default")).toBeUndefined();
});

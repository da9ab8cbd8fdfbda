import { describe, it } from "vitest";
import { createHostBackend } from "../src/index.ts";
import { findCgroups } from "../src/limits/find-cgroups.ts";
import { processBackends, sandboxProblem } from "./process-backends.ts";
import { describeProcessConformance } from "./process-conformance.ts";

const isRoot = process.getuid?.() === 0;
const places = isRoot ? findCgroups() : {};

// A small disk, a user of the job's own and a cgroup are root's to make.
describe.runIf(isRoot)("where the agent is root", () => {
  for (const { name, create } of processBackends) {
    describeProcessConformance({ name, create, canLimitMemory: places.memory !== undefined });
  }
  if (places.processes !== undefined) {
    describeProcessConformance({
      name: "host in a cgroup",
      create: () => createHostBackend({ containment: "cgroup" }),
      canLimitMemory: places.memory !== undefined,
    });
  }
});
if (sandboxProblem !== undefined) it.skip(`the sandbox backend is not tried: ${sandboxProblem}`);

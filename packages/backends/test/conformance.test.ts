import { it } from "vitest";
import { createScriptedBackend } from "../src/index.ts";
import { type ConformanceStep, describeConformance } from "./conformance.ts";
import { processBackends, sandboxProblem } from "./process-backends.ts";

const shellArgv = ({ output = "", exitCode = 0, isEndless = false }: ConformanceStep) => [
  "sh",
  "-c",
  `printf %s "$1"; ${isEndless ? "exec sleep 600" : `exit ${exitCode}`}`,
  "sh",
  output,
];

for (const { name, create } of processBackends) {
  describeConformance({
    name,
    backend: create(),
    argvFor: shellArgv,
    killSupervisor: (job) => process.kill(job.supervisorPid, "SIGKILL"),
  });
}
if (sandboxProblem !== undefined) it.skip(`the sandbox backend is not tried: ${sandboxProblem}`);

const scripted = createScriptedBackend((step) => {
  const { output, exitCode, isEndless } = JSON.parse(step.argv[1] ?? "{}");
  return { output, exitCode, ...(isEndless ? { until: new Promise<void>(() => undefined) } : {}) };
});

describeConformance({
  name: "scripted",
  backend: scripted,
  argvFor: (step) => ["scripted", JSON.stringify(step)],
  killSupervisor: (job) => scripted.killSupervisor(job.site.attemptId),
});

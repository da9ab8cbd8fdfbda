import { createHostBackend, createScriptedBackend } from "../src/index.ts";
import { type ConformanceStep, describeConformance } from "./conformance.ts";

const shellArgv = ({ output = "", exitCode = 0, isEndless = false }: ConformanceStep) => [
  "sh",
  "-c",
  `printf %s "$1"; ${isEndless ? "exec sleep 600" : `exit ${exitCode}`}`,
  "sh",
  output,
];

describeConformance({
  name: "host",
  backend: createHostBackend(),
  argvFor: shellArgv,
  killSupervisor: (job) => process.kill(job.supervisorPid, "SIGKILL"),
});

describeConformance({
  name: "host (without a namespace)",
  backend: createHostBackend({ containment: "best-effort" }),
  argvFor: shellArgv,
  killSupervisor: (job) => process.kill(job.supervisorPid, "SIGKILL"),
});

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

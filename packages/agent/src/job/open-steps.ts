import type { JobHandle } from "@windrow/backends";
import { githubContext } from "@windrow/workflow";
import { resultsVariables } from "../gateway/results-variables.ts";
import { createRuntimeToken } from "../gateway/runtime-token.ts";
import { createJobMatchers } from "./job-matchers.ts";
import type { RunJobOptions } from "./job-options.ts";
import { createJobScope } from "./job-scope.ts";
import { countKeptBytes } from "./kept-bytes.ts";
import { limitHashFiles } from "./limit-hash-files.ts";
import type { OpenJob } from "./open-job.ts";
import { isDebug, jobEnvironment, runnerArch } from "./step-environment.ts";

/** Makes what the steps of a job run in. Throws `ExpressionFailure` when the job's `env` cannot be evaluated. */
export function openSteps(options: RunJobOptions, handle: JobHandle, stop: OpenJob["stop"]): OpenJob {
  const { machine, attempt, plan, files, memory, reporter, logs, jobToken, actions, eventJson } = options;
  const { serverUrl, apiUrl, agentName } = machine;
  const eventPath = files.write("event.json", eventJson === "" ? "{}" : eventJson);
  const { workDir, workspaceDir, tempDir } = files.work;
  const github = githubContext(
    { ...plan, eventJson },
    {
      jobKey: plan.jobKey,
      source: plan.source,
      serverUrl,
      apiUrl,
      workspace: workspaceDir,
      token: jobToken,
      eventPath,
    },
  );
  const environment = jobEnvironment({
    plan,
    files,
    agentName,
    attemptId: attempt.attemptId,
    attemptNo: attempt.attemptNo,
    jobId: attempt.jobId,
    github,
  });
  const scope = createJobScope({
    plan,
    jobToken,
    github,
    runner: {
      name: agentName,
      os: "Linux",
      arch: runnerArch(),
      temp: tempDir,
      tool_cache: environment.RUNNER_TOOL_CACHE ?? "",
      workspace: workDir,
      debug: isDebug(plan) ? "1" : "",
      environment: "self-hosted",
    },
    isStopped: () => stop.stopped.aborted,
    hashFiles: limitHashFiles({ workspaceDir, user: options.site.user }),
  });
  logs.useMatchers(createJobMatchers({ workspaceDir, rootDirs: [workDir, machine.actionsDir] }));
  const { machineEnv, hasBash, journal, clock, bootClockMs } = machine;
  return {
    ...{ attempt, plan, jobToken, serverUrl, memory, handle, files, scope, environment, machineEnv, hasBash },
    ...{ actions, logs, reporter, journal, stop, clock, bootClockMs },
    kept: countKeptBytes(memory),
    results: resultsVariables({
      gatewayUrl: machine.resultsUrl,
      runtimeToken: createRuntimeToken({ jobToken, runId: plan.runId, jobId: attempt.jobId }),
    }),
    runsBeside: plan.steps.some((step) => step.background === true),
  };
}

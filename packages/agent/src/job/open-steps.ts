import type { JobHandle } from "@windrow/backends";
import { githubContext } from "@windrow/workflow";
import { resultsVariables } from "../gateway/results-variables.ts";
import { createRuntimeToken } from "../gateway/runtime-token.ts";
import { NO_PINS } from "./image-pins.ts";
import type { JobEngine } from "./job-engine.ts";
import type { JobFiles } from "./job-files.ts";
import { createJobMatchers } from "./job-matchers.ts";
import type { RunJobOptions } from "./job-options.ts";
import { createJobScope } from "./job-scope.ts";
import { DOCKER_ACTION_FOLDERS, type JobView } from "./job-view.ts";
import { countKeptBytes } from "./kept-bytes.ts";
import { limitHashFiles } from "./limit-hash-files.ts";
import type { OpenJob } from "./open-job.ts";
import { createPathTable } from "./path-table.ts";
import { isDebug, jobEnvironment, runnerArch } from "./step-environment.ts";

/** Where the steps of a job run. */
export interface StepsPlace {
  readonly handle: JobHandle;
  readonly stop: OpenJob["stop"];
  readonly view: JobView;
  readonly engine: JobEngine;
  readonly files: JobFiles;
}

/** Makes what the steps of a job run in. Throws `ExpressionFailure` when the job's `env` cannot be evaluated. */
export function openSteps(options: RunJobOptions, where: StepsPlace): OpenJob {
  const { handle, stop, view, engine, files } = where;
  const { machine, attempt, plan, memory, reporter, logs, jobToken, actions, eventJson } = options;
  const { serverUrl, apiUrl, agentName } = machine;
  const eventPath = files.write("event.json", eventJson === "" ? "{}" : eventJson);
  const github = githubContext(
    { ...plan, eventJson },
    {
      jobKey: plan.jobKey,
      source: plan.source,
      serverUrl,
      apiUrl,
      workspace: view.workspaceDir,
      token: jobToken,
      eventPath: view.show(eventPath),
    },
  );
  const environment = jobEnvironment({
    plan,
    view,
    agentName,
    attemptId: attempt.attemptId,
    attemptNo: attempt.attemptNo,
    jobId: attempt.jobId,
    github,
  });
  const { workDir, workspaceDir } = files.work;
  const hashFiles = limitHashFiles({ workspaceDir, user: options.site.user });
  const scope = createJobScope({
    plan,
    jobToken,
    github,
    runner: {
      name: agentName,
      os: "Linux",
      arch: runnerArch(),
      temp: view.tempDir,
      tool_cache: environment.RUNNER_TOOL_CACHE ?? "",
      workspace: view.workDir,
      debug: isDebug(plan) ? "1" : "",
      environment: "self-hosted",
    },
    isStopped: () => stop.stopped.aborted,
    hashFiles: (patterns) => hashFiles(patterns.map((pattern) => findPattern(view, pattern))),
    containers: describeContainers(engine),
  });
  const ofActions = createPathTable(
    DOCKER_ACTION_FOLDERS.map((name) => ({ seen: name.seen, machine: name.of(files) })),
  );
  logs.useMatchers(
    createJobMatchers({
      workspaceDir,
      rootDirs: [workDir, machine.actionsDir],
      workspaceNames: [view.workspaceDir, ofActions.show(workspaceDir)],
      find: (path) => view.find(ofActions.find(path)),
    }),
  );
  const { machineEnv, journal, clock, bootClockMs } = machine;
  return {
    ...{
      attempt,
      memoryBytes: options.policy.limits.memoryBytes,
      plan,
      jobToken,
      mirror: options.mirror,
      serverUrl,
      memory,
      handle,
      files,
      scope,
      environment,
      machineEnv,
      view,
      engine,
    },
    ...{ actions, logs, reporter, journal, stop, clock, bootClockMs },
    images: new Map(memory.images),
    pins: options.pins ?? NO_PINS,
    kept: countKeptBytes(memory),
    results: resultsVariables({
      gatewayUrl: machine.resultsUrl,
      runtimeToken: createRuntimeToken({ jobToken, runId: plan.runId, jobId: attempt.jobId }),
    }),
    runsBeside: plan.steps.some((step) => step.background === true),
  };
}

/** Patterns may name the workspace as steps know it. */
function findPattern(view: JobView, pattern: string): string {
  return pattern.startsWith("!") ? `!${view.find(pattern.slice(1))}` : view.find(pattern);
}

function describeContainers({ opened }: JobEngine) {
  if (opened === undefined) return {};
  const { container, network, services } = opened.containers;
  return {
    ...(container !== undefined && { container: { id: container.id, network } }),
    services: Object.fromEntries(services),
  };
}

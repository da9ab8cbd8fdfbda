import { CONCLUSIONS, type NeedResult, type Plan, type StepDefinition, TRUSTS } from "@windrow/model";
import { packStrings, packTemplates, unpackStrings, unpackTemplates } from "./entries.ts";
import type { Fields } from "./fields.ts";
import { present } from "./present.ts";
import type { Packed } from "./proto-message.ts";
import { packValueMap, unpackValueMap } from "./value.ts";

export function packPlan(plan: Plan): Packed {
  const { strategy, defaults, cancelGrace, matrix, needs, env, outputs, steps, ...same } = plan;
  return {
    ...same,
    matrix: packValueMap(matrix),
    strategyFailFast: strategy.failFast,
    strategyJobIndex: strategy.jobIndex,
    strategyJobTotal: strategy.jobTotal,
    strategyMaxParallel: strategy.maxParallel,
    needs: needs.map((need) => ({ ...need, outputs: packStrings(need.outputs) })),
    env: packTemplates(env),
    defaultShell: defaults.shell,
    defaultWorkingDirectory: defaults.workingDirectory,
    outputs: packTemplates(outputs),
    steps: steps.map(packStep),
    cancelInterruptMs: cancelGrace.interruptMs,
    cancelTerminateMs: cancelGrace.terminateMs,
  };
}

export function unpackPlan(fields: Fields): Plan {
  return {
    jobKey: fields.requiredText("jobKey"),
    jobName: fields.text("jobName"),
    repository: fields.requiredText("repository"),
    sha: fields.requiredText("sha"),
    ref: fields.requiredText("ref"),
    runId: fields.integer("runId"),
    runNumber: fields.integer("runNumber"),
    runAttempt: fields.integer("runAttempt"),
    workflowName: fields.text("workflowName"),
    workflowPath: fields.text("workflowPath"),
    eventName: fields.requiredText("eventName"),
    actor: fields.text("actor"),
    trust: fields.word("trust", TRUSTS),
    defaultBranch: fields.text("defaultBranch"),
    publicUrl: fields.text("publicUrl"),
    eventJson: fields.text("eventJson"),
    matrix: unpackValueMap(fields.message("matrix")),
    strategy: {
      failFast: fields.flag("strategyFailFast"),
      jobIndex: fields.integer("strategyJobIndex"),
      jobTotal: fields.integer("strategyJobTotal"),
      maxParallel: fields.integer("strategyMaxParallel"),
    },
    needs: fields.messages("needs", unpackNeed),
    env: unpackTemplates(fields, "env"),
    defaults: {
      ...present("shell", fields.optional("defaultShell", fields.text)),
      ...present("workingDirectory", fields.optional("defaultWorkingDirectory", fields.text)),
    },
    timeoutMs: fields.integer("timeoutMs"),
    outputs: unpackTemplates(fields, "outputs"),
    steps: fields.messages("steps", unpackStep),
    exclusive: fields.flag("exclusive"),
    cancelGrace: { interruptMs: fields.integer("cancelInterruptMs"), terminateMs: fields.integer("cancelTerminateMs") },
  };
}

const unpackNeed = (fields: Fields): NeedResult => ({
  jobKey: fields.requiredText("jobKey"),
  result: fields.word("result", CONCLUSIONS),
  outputs: unpackStrings(fields, "outputs"),
});

function packStep(step: StepDefinition): Packed {
  const common = {
    id: step.id,
    name: step.name,
    condition: step.condition,
    env: packTemplates(step.env),
    continueOnError: step.continueOnError,
    timeoutMinutes: step.timeoutMinutes,
    position: step.position,
  };
  switch (step.kind) {
    case "run":
      return { ...common, run: { run: step.run, shell: step.shell, workingDirectory: step.workingDirectory } };
    case "uses":
      return { ...common, uses: { uses: step.uses, with: packTemplates(step.with) } };
  }
}

function unpackStep(fields: Fields): StepDefinition {
  const position = fields.message("position");
  const common = {
    ...present("id", fields.optional("id", fields.text)),
    ...present("name", fields.optional("name", fields.text)),
    condition: fields.requiredText("condition"),
    env: unpackTemplates(fields, "env"),
    ...present("continueOnError", fields.optional("continueOnError", fields.text)),
    ...present("timeoutMinutes", fields.optional("timeoutMinutes", fields.text)),
    position: { line: position.integer("line"), column: position.integer("column") },
  };
  const kind = fields.kind(["run", "uses"]);
  const body = fields.message(kind);
  switch (kind) {
    case "run":
      return {
        ...common,
        kind,
        run: body.text("run"),
        ...present("shell", body.optional("shell", body.text)),
        ...present("workingDirectory", body.optional("workingDirectory", body.text)),
      };
    case "uses":
      return { ...common, kind, uses: body.requiredText("uses"), with: unpackTemplates(body, "with") };
  }
}

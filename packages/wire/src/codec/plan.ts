import {
  CONCLUSIONS,
  type ContainerDefinition,
  type NeedResult,
  type Permissions,
  type Plan,
  type ServiceDefinition,
  type StepDefinition,
  TRUSTS,
} from "@windrow/model";
import { packStrings, packTemplates, unpackStrings, unpackTemplates } from "./entries.ts";
import type { Fields } from "./fields.ts";
import { present } from "./present.ts";
import type { Packed } from "./proto-message.ts";
import { packValueMap, unpackValueMap } from "./value.ts";

export function packPlan(plan: Plan): Packed {
  const { strategy, defaults, cancelGrace, matrix, needs, env, outputs, steps, inputs, vars, permissions, ...rest } =
    plan;
  const { container, services, ...same } = rest;
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
    inputs: packValueMap(inputs),
    vars: packStrings(vars),
    permissions: packStrings(permissions),
    container: container === undefined ? undefined : packContainer(container),
    services: services.map(packContainer),
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
    triggeringActor: fields.text("triggeringActor"),
    headRef: fields.text("headRef"),
    baseRef: fields.text("baseRef"),
    eventDigest: fields.text("eventDigest"),
    source: unpackSource(fields.message("source")),
    inputs: unpackValueMap(fields.message("inputs")),
    vars: unpackStrings(fields, "vars"),
    permissions: unpackPermissions(fields),
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
    ...present(
      "container",
      fields.optional("container", (name) => unpackContainer(fields.message(name))),
    ),
    services: fields.messages("services", (service) => ({
      ...unpackContainer(service),
      name: service.requiredText("name"),
    })),
    ...present(
      "environment",
      fields.optional("environment", (name) => unpackEnvironment(fields.message(name))),
    ),
    exclusive: fields.flag("exclusive"),
    cancelGrace: { interruptMs: fields.integer("cancelInterruptMs"), terminateMs: fields.integer("cancelTerminateMs") },
  };
}

const unpackSource = (fields: Fields): Plan["source"] => ({
  repository: fields.requiredText("repository"),
  path: fields.requiredText("path"),
  ref: fields.requiredText("ref"),
  sha: fields.requiredText("sha"),
});

const unpackEnvironment = (fields: Fields): NonNullable<Plan["environment"]> => ({
  name: fields.requiredText("name"),
  ...present("url", fields.optional("url", fields.text)),
});

const PERMISSION_LEVELS = ["none", "read", "write"] as const;

function unpackPermissions(fields: Fields): Permissions {
  return Object.fromEntries(
    fields.messages("permissions", (entry) => [entry.requiredText("name"), entry.word("value", PERMISSION_LEVELS)]),
  );
}

function packContainer(container: ContainerDefinition | ServiceDefinition): Packed {
  const { env, credentials, ...same } = container;
  return { ...same, env: packTemplates(env), username: credentials?.username, password: credentials?.password };
}

function unpackContainer(fields: Fields): ContainerDefinition {
  const username = fields.optional("username", fields.text);
  const password = fields.optional("password", fields.text);
  return {
    image: fields.text("image"),
    env: unpackTemplates(fields, "env"),
    ports: fields.texts("ports"),
    volumes: fields.texts("volumes"),
    ...present("options", fields.optional("options", fields.text)),
    ...present("credentials", username === undefined || password === undefined ? undefined : { username, password }),
    ...present("entrypoint", fields.optional("entrypoint", fields.text)),
    ...present("command", fields.optional("command", fields.text)),
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
    background: step.background,
    position: step.position,
  };
  switch (step.kind) {
    case "run":
      return { ...common, run: { run: step.run, shell: step.shell, workingDirectory: step.workingDirectory } };
    case "uses":
      return { ...common, uses: { uses: step.uses, with: packTemplates(step.with) } };
    case "wait":
      return { ...common, wait: step.targets === "all" ? { all: true } : { targets: step.targets } };
    case "cancel":
      return { ...common, cancel: { target: step.target } };
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
    ...(fields.flag("background") ? { background: true } : {}),
    position: { line: position.integer("line"), column: position.integer("column") },
  };
  const kind = fields.kind(["run", "uses", "wait", "cancel"]);
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
    case "wait":
      return { ...common, kind, targets: body.flag("all") ? "all" : body.texts("targets") };
    case "cancel":
      return { ...common, kind, target: body.requiredText("target") };
  }
}

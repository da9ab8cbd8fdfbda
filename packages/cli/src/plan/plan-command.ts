import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Diagnostic, WorkflowDefinition } from "@windrow/model";
import {
  createParseWorker,
  type ParseWorker,
  previewRun,
  type RunFacts,
  type RunPreview,
  readDispatchInputs,
} from "@windrow/workflow";
import { CliError, usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { findRemote } from "../git/find-remote.ts";
import { findTop } from "../git/find-top.ts";
import { formatDiagnostic, lineOf } from "../lint/format-diagnostic.ts";
import { isMissing } from "../lint/is-missing.ts";
import { printJson, printLines, say } from "../output/print.ts";
import { parseInputs } from "../run/start-run.ts";
import { findWorkflow } from "./find-workflow.ts";
import { formatPlan } from "./format-plan.ts";
import { loadCalled } from "./load-called.ts";
import { askPools, askVariables, matchPools } from "./match-pools.ts";
import { planStart } from "./plan-event.ts";
import { planFacts } from "./plan-facts.ts";
import { type PlannedRun, planJson } from "./plan-json.ts";
import { isMap, type Payload, readPayload } from "./plan-payload.ts";

export interface PlanOptions extends FarmOptions {
  readonly event: string;
  readonly ref?: string;
  readonly payload?: string;
  readonly input?: readonly string[];
  readonly var?: readonly string[];
}

const LOCAL_URL = "http://127.0.0.1:7070";

/** `windrow plan`: needs no farm; a reachable one is asked for its pools. */
export async function planCommand(context: CommandContext, options: PlanOptions, given = ""): Promise<ExitCode> {
  const parser = createParseWorker();
  try {
    const file = await findWorkflow(context.cwd, given);
    const text = await readWorkflow(path.resolve(context.cwd, file));
    const run = await planFile(context, options, { file, text, parser });
    if (options.json) await printJson(context.terminal, planJson(run));
    else await printPlan(context, run, { file, text });
    return run.diagnostics.some((one) => one.severity === "error") ? EXIT.failed : EXIT.ok;
  } finally {
    await parser.close();
  }
}

async function planFile(
  context: CommandContext,
  options: PlanOptions,
  { file, text, parser }: { file: string; text: string; parser: ParseWorker },
): Promise<PlannedRun> {
  const { cwd } = context;
  const place = path.resolve(cwd, file);
  const root = (await findTop(path.dirname(place))) ?? rootOf(place);
  const payload = options.payload === undefined ? undefined : await readPayload(path.resolve(cwd, options.payload));
  const given = parseInputs(options.input ?? []);
  const farm = await askPools(context, options);
  const parsed = await parser.parse(file, text);
  const { definition } = parsed;
  const workflow = { path: path.relative(root, place), name: definition?.name };
  const facts = await planFacts({
    cwd,
    root,
    event: options.event,
    ref: options.ref,
    payload,
    repository: await findRepository(context, options),
    actor: context.environment.USER ?? "me",
    publicUrl: "url" in farm ? farm.url : LOCAL_URL,
    workflow,
    inputs: given,
  });
  const common = {
    workflow,
    event: options.event,
    ref: facts.ref,
    farm: "url" in farm ? { url: farm.url } : farm,
  };
  if (definition === undefined) {
    return { ...common, title: undefined, notStartedBecause: undefined, jobs: [], diagnostics: parsed.diagnostics };
  }
  const match = planStart(definition, facts, payload);
  const { repository, ref, sha } = facts;
  const loaded = await loadCalled(definition, { root, repository, ref, sha }, parser);
  const notStartedBecause = match.matches ? undefined : match.reason;
  const preview = previewWith(loaded.definition, {
    facts,
    given: inputsOf(given, payload),
    vars: { ...(await askVariables(farm, repository)), ...parseInputs(options.var ?? []) },
  });
  return {
    ...common,
    title: preview.title,
    notStartedBecause,
    jobs: preview.jobs.map((job) =>
      notStartedBecause === undefined
        ? { job, pools: matchPools(job, farm) }
        : { job: { ...job, skippedBecause: `the workflow does not start: ${notStartedBecause}` }, pools: undefined },
    ),
    diagnostics: [...parsed.diagnostics, ...loaded.diagnostics, ...preview.diagnostics],
  };
}

/** The folder above the folder of workflows, or the one the file stands in. */
function rootOf(file: string): string {
  return /^(.*)[/\\]\.(?:github|windrow)[/\\]workflows[/\\][^/\\]+$/.exec(file)?.[1] ?? path.dirname(file);
}

/** Inputs of the event's document, and those of the command line, which win. */
function inputsOf(
  given: Readonly<Record<string, string>>,
  payload: Payload | undefined,
): Readonly<Record<string, unknown>> {
  const written = payload?.inputs;
  return { ...(isMap(written) ? written : {}), ...given };
}

function previewWith(
  definition: WorkflowDefinition,
  run: {
    readonly facts: RunFacts;
    readonly given: Readonly<Record<string, unknown>>;
    readonly vars: Readonly<Record<string, string>>;
  },
): RunPreview {
  const { facts, given, vars } = run;
  const trigger = definition.triggers.find((one) => one.event === facts.eventName);
  const takesInputs = ["workflow_dispatch", "workflow_call"].includes(facts.eventName);
  if (!takesInputs) {
    if (Object.keys(given).length > 0)
      throw usageError(`${facts.eventName} has no inputs`, "Use --event workflow_dispatch");
    return previewRun({ definition, facts, inputs: {}, vars });
  }
  const read = readDispatchInputs(trigger?.inputs ?? [], given);
  if ("problems" in read) throw usageError(read.problems.join("; "), "Give inputs with --input name=value");
  return previewRun({ definition, facts, inputs: read.inputs, vars });
}

async function findRepository(context: CommandContext, options: PlanOptions): Promise<string | undefined> {
  if (options.repo !== undefined) return options.repo;
  const remote = await findRemote(context.cwd, undefined);
  return remote?.owner === undefined ? undefined : `${remote.owner}/${remote.name}`;
}

async function readWorkflow(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new CliError(`there is no file ${file}`, { code: "not_found", exitCode: EXIT.notFound });
  }
}

async function printPlan(
  { terminal }: CommandContext,
  run: PlannedRun,
  { file, text }: { file: string; text: string },
): Promise<void> {
  const lines = text.split("\n");
  for (const one of run.diagnostics) {
    const source = one.file === file ? lineOf(lines, one.line) : undefined;
    for (const line of formatDiagnostic(one, { source, style: terminal.errStyle, columns: terminal.err.columns })) {
      say(terminal, line);
    }
  }
  if (run.diagnostics.length > 0) say(terminal, "");
  if (run.diagnostics.some((one: Diagnostic) => one.severity === "error") && run.jobs.length === 0) return;
  await printLines(terminal, formatPlan(run, { style: terminal.outStyle, columns: terminal.out.columns }));
}

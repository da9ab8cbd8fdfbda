import type { ActionDefinition, DockerRuns, TemplateMap } from "@windrow/model";
import { evaluateTemplate, insertEntries } from "@windrow/workflow";
import type { PostRecord, StartNote } from "../journal/journal-records.ts";
import { inputVariables, stateVariables } from "./action-inputs.ts";
import { actionEntries, actionVariables } from "./action-place.ts";
import { placeDockerAction, viewDockerAction } from "./job-view.ts";
import { TOO_MUCH_LEFT } from "./kept-bytes.ts";
import { openActionImage } from "./open-action-image.ts";
import type { OpenedAction } from "./resolve-uses.ts";
import { evaluateActionInputs } from "./run-javascript.ts";
import { runProcess } from "./run-process.ts";
import { splitWords } from "./split-words.ts";
import { stepEnvironment } from "./step-environment.ts";
import { makeStepFiles } from "./step-files.ts";
import { type ActionWork, type StepFrame, whatEnds } from "./step-frame.ts";
import type { WorkEnd } from "./work-end.ts";

/** Runs the main part of a Docker action. Throws `ExpressionFailure`. */
export async function runDocker(work: ActionWork, action: OpenedAction, runs: DockerRuns): Promise<WorkEnd> {
  const { frame, step } = work;
  if (action.isLocal && runs.preEntrypoint !== undefined) {
    const message = `the 'pre-entrypoint' of '${step.uses}' is left out: actions of the workspace have none`;
    frame.log.annotations.add({ level: "warning", message });
  }
  const before = frame.preState[frame.place] ?? {};
  return runDockerPart(work, action, runs, { state: before, stage: "main" });
}

/** Runs the part before the steps of the job. Throws `ExpressionFailure`. */
export function runDockerPre(work: ActionWork, action: OpenedAction, runs: DockerRuns): Promise<WorkEnd> {
  return runDockerPart(work, action, runs, { state: {}, stage: "pre" });
}

/** Runs an image as it is: `uses: docker://…`. Throws `ExpressionFailure`. */
export function runImage(work: ActionWork, image: string): Promise<WorkEnd> {
  const definition: ActionDefinition = { name: work.step.uses, inputs: [], outputs: [], runs: NO_RUNS };
  const action = { definition, dir: "", repository: "", ref: "", isLocal: false, source: work.frame.source };
  return runDocker(work, action, { ...NO_RUNS, image: `docker://${image}` });
}

const NO_RUNS: DockerRuns = {
  kind: "docker",
  image: "",
  args: [],
  env: [],
  preCondition: "always()",
  postCondition: "always()",
};

interface DockerStage {
  /** What earlier parts of the action kept. */
  readonly state: { readonly [name: string]: string };
  readonly stage: "pre" | "main";
}

async function runDockerPart(
  work: ActionWork,
  action: OpenedAction,
  runs: DockerRuns,
  { state: before, stage }: DockerStage,
): Promise<WorkEnd> {
  const { frame, step, view, actionName, backendNo, note } = work;
  const inputs = evaluateActionInputs(work, withDockerInputs(action));
  const { args, env } = evaluateRuns(work, action, runs, inputs);
  const image = await openActionImage(work, action, runs.image);
  if (image.kind === "ended") return image.end;
  const { imageId } = image.value;
  const own = (entrypoint: string | undefined) => ({ imageId, entrypoint: entrypoint ?? "", args });
  const end = await runContainer(
    { frame, backendNo, note },
    {
      container: own(stage === "pre" ? runs.preEntrypoint : (runs.entrypoint ?? inputs.get("entrypoint"))),
      env: [...env, ...view.stepEnv],
      variables: { ...inputVariables(inputs), ...stateVariables(before) },
      actionName,
      place: { path: "", repository: action.repository, ref: action.ref },
    },
  );
  const state = { ...before, ...end.state };
  const post: PostRecord | undefined =
    runs.postEntrypoint === undefined
      ? undefined
      : {
          place: frame.place,
          name: step.uses,
          container: own(runs.postEntrypoint),
          condition: runs.postCondition,
          env: [...env, ...view.stepEnv, ...Object.entries({ ...inputVariables(inputs), ...stateVariables(state) })],
          actionName,
          action: { path: "", repository: action.repository, ref: action.ref },
        };
  if (post !== undefined && !frame.job.kept.add({ posts: [post] })) {
    return { ...end, outcome: "failed", fault: TOO_MUCH_LEFT };
  }
  return {
    ...end,
    ...(Object.keys(state).length > 0 && { states: { [frame.place]: state } }),
    ...(post !== undefined && { posts: [post] }),
  };
}

/** What every Docker action takes beside its own inputs. */
const DOCKER_INPUTS = ["args", "entrypoint"];

function withDockerInputs(action: OpenedAction): OpenedAction {
  const { inputs } = action.definition;
  // an action without inputs takes anything
  if (inputs.length === 0) return action;
  const known = new Set(inputs.map((input) => input.name.toLowerCase()));
  const more = DOCKER_INPUTS.filter((name) => !known.has(name)).map((name) => ({ name, required: false }));
  return { ...action, definition: { ...action.definition, inputs: [...inputs, ...more] } };
}

/** Throws `ExpressionFailure`. */
function evaluateRuns(
  { frame, actionName }: ActionWork,
  { dir, repository, ref }: OpenedAction,
  runs: DockerRuns,
  inputs: ReadonlyMap<string, string>,
): { readonly args: readonly string[]; readonly env: TemplateMap } {
  const { scope, job } = frame;
  const github = actionEntries(actionName, { path: dir === "" ? "" : job.view.show(dir), repository, ref });
  const contexts = { ...scope.contexts({ github }), inputs: Object.fromEntries(inputs) };
  const evaluate = (template: string) => evaluateTemplate(template, contexts, scope.functions);
  const args = runs.args.map(evaluate);
  const env = insertEntries(runs.env, () => contexts, scope.functions).map(
    ([name, template]) => [name, evaluate(template)] as const,
  );
  // the step's own, unless the action says which
  return { args: runs.args.length > 0 ? args : splitWords(inputs.get("args") ?? ""), env };
}

interface ContainerPart {
  readonly container: NonNullable<PostRecord["container"]>;
  /** Of the action and its step, in this order. */
  readonly env: readonly (readonly [name: string, value: string])[];
  /** INPUT_… and STATE_…. */
  readonly variables: { readonly [name: string]: string };
  readonly actionName: string;
  readonly place: PostRecord["action"];
}

interface PartPlace {
  readonly frame: StepFrame;
  readonly backendNo: number;
  readonly note: StartNote;
}

/** Runs the part after the steps of the job. */
export function runDockerPost({
  record,
  container,
  ...part
}: PartPlace & {
  readonly record: PostRecord;
  readonly container: NonNullable<PostRecord["container"]>;
}): Promise<WorkEnd> {
  const { env, actionName, action: place } = record;
  return runContainer(part, { container, env, variables: {}, actionName, place });
}

async function runContainer({ frame, backendNo, note }: PartPlace, part: ContainerPart): Promise<WorkEnd> {
  const { job, scope } = frame;
  // the image came from this engine, so it is open, or it was before the agent restarted
  const signal = AbortSignal.any([whatEnds({ frame, note }), job.attempt.over]);
  const { containers, networkEnv } = await job.engine.forActions({ say: job.logs.say, signal });
  const { files, variables } = makeStepFiles(job, backendNo, { hasState: true });
  // what git finds in the workspace may lead there
  const mirrorDir = job.mirror?.dir;
  const mirror = mirrorDir === undefined ? [] : [{ source: mirrorDir, target: mirrorDir, isReadOnly: true }];
  const mounts = [...placeDockerAction({ files: job.files, stepFiles: Object.values(files) }), ...mirror];
  const { show } = viewDockerAction(job.view, mounts);
  const { GITHUB_ACTION_PATH: _, ...action } = actionVariables(part.actionName, part.place);
  const { PATH, ...given } = stepEnvironment({
    job: { ...job.environment, ...job.results },
    view: { ...job.view, isInContainer: true, homeDir: HOME, baseEnv: networkEnv },
    scope: { env: scope.env, paths: [] },
    stepEnv: new Map(part.env),
    stepFiles: variables,
    action: { ...part.variables, ...action, HOME, RUNNER_WORKSPACE: "/github" },
  });
  const wanted = PATH === undefined || PATH === "" ? given : { ...given, PATH };
  const env = Object.fromEntries(Object.entries(wanted).map(([name, value]) => [name, show(value)]));
  const { imageId, entrypoint, args } = part.container;
  const spec = {
    ...{ image: imageId, env, mounts, options: "", ports: [], volumes: [], cwd: "/github/workspace" },
    ...(entrypoint !== "" && { entrypoint: [entrypoint] }),
    ...(args.length > 0 && { command: args.map(show) }),
  };
  const start = { kind: "container", containers, spec, env, files } as const;
  return runProcess({ frame, backendNo, start, stopped: whatEnds({ frame, note }) });
}

const HOME = "/github/home";

import { type Conclusion, concludeRun, type Diagnostic, type JobId, type Outcome } from "@windrow/model";
import type { CallToFinish, JobToHold, JobToSettle, LockedRun, NewEntry, RunEntry } from "@windrow/store";
import {
  type ConcurrencyRequest,
  callOutputs,
  decideJobReady,
  decideRunStart,
  type JobCallAnswer,
  type JobExpandAnswer,
  type JobRunAnswer,
  type RunFacts,
  type WorkflowScope,
} from "@windrow/workflow";
import { groupOf } from "./group-of.ts";
import { findJobDefinition, localKey } from "./job-path.ts";
import type { RefuseContainers } from "./refuse-containers.ts";
import type { GraphJob, RunGraph } from "./run-graph.ts";
import { toPlanFacts, toRunScope } from "./run-plan-facts.ts";
import type { RunText } from "./run-texts.ts";

/** What is decided of a run's jobs while it is moved on, and applied when nothing is left to decide. */
export interface AdvancePass {
  /** Needed before the first job is decided: what the run and its jobs have asked for already. */
  readText(text: RunText, entries: readonly RunEntry[], refuseContainers?: RefuseContainers): void;
  decide(job: GraphJob): void;
  /** Whether a job asks to be judged even when the run is cancelled, and then says yes. */
  isWantedAfterCancel(job: GraphJob): boolean;
  endCall(call: GraphJob): void;
  /** A job of which the file asks what the farm cannot give. */
  fail(job: GraphJob, diagnostic: Diagnostic): void;
  /** The file a job stands in; of a call, with `inside`, the one it calls. */
  scopeOf(job: GraphJob, inside?: boolean): WorkflowScope;
  readonly facts: RunFacts;
  readonly toQueue: { readonly job: GraphJob; readonly answer: JobRunAnswer }[];
  readonly toOpen: { readonly job: GraphJob; readonly answer: JobCallAnswer }[];
  readonly toExpand: { readonly job: GraphJob; readonly answer: JobExpandAnswer }[];
  readonly toFinish: CallToFinish[];
  readonly toHold: JobToHold[];
  readonly toRequest: NewEntry[];
  readonly toSettle: JobToSettle[];
  readonly diagnostics: Diagnostic[];
}

const CALL_OUTCOMES: Record<Conclusion, Outcome> = {
  success: "succeeded",
  failure: "failed",
  cancelled: "cancelled",
  skipped: "skipped",
};

export function createAdvancePass(run: LockedRun, graph: RunGraph, publicUrl: string): AdvancePass {
  let text: RunText | undefined;
  let entries = new Map<JobId, RunEntry>();
  let facts: RunFacts | undefined;
  let refuseContainers: RefuseContainers | undefined;
  const scopes = new Map<JobId | null, WorkflowScope>();

  const pass: AdvancePass = {
    readText(read, asked, refuse) {
      text = read;
      refuseContainers = refuse;
      entries = new Map(asked.flatMap((entry) => (entry.jobId === null ? [] : [[entry.jobId, entry]])));
    },
    get facts() {
      facts ??= toPlanFacts(run, { publicUrl, eventJson: requireText().eventJson });
      return facts;
    },
    decide,
    isWantedAfterCancel: (job) => ask(job, true).answer.kind !== "skip",
    endCall,
    fail,
    scopeOf,
    toQueue: [],
    toOpen: [],
    toExpand: [],
    toFinish: [],
    toHold: [],
    toRequest: [],
    toSettle: [],
    diagnostics: [],
  };
  return pass;

  function requireText(): RunText {
    if (text === undefined) throw new Error(`run ${run.id} is decided before its file was read`);
    return text;
  }

  function scopeOf(job: GraphJob, inside = false): WorkflowScope {
    const at = inside ? job.id : job.parentJobId;
    const known = scopes.get(at);
    if (known !== undefined) return known;
    const calls = [...graph.callsOf(job), ...(inside ? [job] : [])];
    const scope = toRunScope(
      run,
      requireText().definition,
      calls.map(({ key, inputs }) => ({ key, inputs: inputs ?? {} })),
    );
    scopes.set(at, scope);
    return scope;
  }

  function ask(job: GraphJob, isRunCancelled: boolean) {
    const definition = findJobDefinition(requireText().definition, job.key);
    const calls = graph.callsOf(job);
    const isCancelled = isRunCancelled || run.cancelRequested || calls.some((call) => call.cancelRequested);
    const answer = decideJobReady({
      scope: scopeOf(job),
      vars: run.vars,
      job: definition,
      matrix: job.matrix,
      jobIndex: job.matrixIndex,
      jobTotal: job.matrixTotal,
      needs: graph.needsOf(job, definition.needs),
      ancestors: graph.ancestorsOf(job),
      facts: pass.facts,
      isRunCancelled: isCancelled,
      isExpanded: job.isExpanded === true || Object.keys(job.matrix).length > 0,
    });
    return { answer, calls, isCancelled };
  }

  function decide(job: GraphJob): void {
    const { answer, calls, isCancelled } = ask(job, false);
    switch (answer.kind) {
      case "run":
      case "call": {
        const refused = answer.kind === "run" ? refusedContainers(job, answer) : undefined;
        if (refused !== undefined) {
          fail(job, refused);
          return;
        }
        const concurrency = answer.concurrency ?? (answer.kind === "call" ? groupOfCalled(job, answer) : undefined);
        const call = calls.at(-1);
        const named = call === undefined ? answer : { ...answer, name: `${call.name} / ${answer.name}` };
        if (concurrency !== undefined && entries.get(job.id)?.state !== "holding") {
          hold(job, named.name, concurrency);
          return;
        }
        if (named.kind === "run") queue(job, named);
        else pass.toOpen.push({ job, answer: named });
        return;
      }
      case "expand":
        pass.toExpand.push({ job, answer });
        return;
      case "skip": {
        const outcome = isCancelled ? "cancelled" : "skipped";
        const reason = isCancelled ? (run.cancelReason ?? "run_cancelled") : "condition";
        pass.toSettle.push({ jobId: job.id, outcome, reason });
        graph.settle(job, { state: "finished", conclusion: outcome });
        return;
      }
      case "fail":
        fail(job, answer.diagnostic);
    }
  }

  function refusedContainers(job: GraphJob, answer: JobRunAnswer): Diagnostic | undefined {
    const file = scopeOf(job).definition.path;
    return refuseContainers?.({ job: findJobDefinition(requireText().definition, job.key), answer, file });
  }

  /** The group of a called file is asked for by the job that calls it. */
  function groupOfCalled(job: GraphJob, { inputs }: JobCallAnswer): ConcurrencyRequest | undefined {
    job.inputs = inputs;
    const scope = scopeOf(job, true);
    if (scope.definition.concurrency === undefined) return undefined;
    const answer = decideRunStart({ scope, vars: run.vars, facts: pass.facts });
    return "diagnostic" in answer ? undefined : answer.concurrency;
  }

  function queue(job: GraphJob, answer: JobRunAnswer): void {
    pass.toQueue.push({ job, answer });
    job.continueOnError = answer.continueOnError;
    graph.settle(job, { state: "queued", conclusion: null });
  }

  /** Whether it gets its group is decided after the commit, under the group's lock alone. */
  function hold(job: GraphJob, name: string, { group, queue: how, cancelInProgress }: ConcurrencyRequest): void {
    job.isPutOff = true;
    if (entries.has(job.id)) return;
    pass.toHold.push({ jobId: job.id, name, reason: `it waits for the concurrency group '${group}'` });
    pass.toRequest.push({
      repositoryId: run.repositoryId,
      group: groupOf(run, group),
      runId: run.id,
      jobId: job.id,
      queue: how,
      cancelInProgress,
    });
  }

  function fail(job: GraphJob, diagnostic: Diagnostic): void {
    pass.diagnostics.push(diagnostic);
    pass.toSettle.push({ jobId: job.id, outcome: "failed", reason: "diagnostic", message: diagnostic.message });
    graph.settle(job, { state: "finished", conclusion: "failure" });
  }

  function endCall(call: GraphJob): void {
    const inner = graph.insideOf(call);
    const conclusion = concludeRun(
      inner.flatMap(({ conclusion: one, continueOnError }) =>
        one === null ? [] : [{ conclusion: one, continueOnError }],
      ),
    );
    const { outputs, diagnostics } = callOutputs({
      scope: scopeOf(call, true),
      vars: run.vars,
      jobs: graph.resultsOf(inner),
      facts: pass.facts,
    });
    pass.diagnostics.push(...diagnostics);
    pass.toFinish.push({ jobId: call.id, outcome: CALL_OUTCOMES[conclusion], conclusion, reason: "call", outputs });
    call.outputs = outputs;
    graph.settle(call, { state: "finished", conclusion });
  }
}

/** A complaint at the place of a job in its file. */
export function complainAt(
  pass: AdvancePass,
  job: GraphJob,
  complaint: { readonly code: string; readonly message: string; readonly hint: string },
): Diagnostic {
  const { definition, source } = pass.scopeOf(job);
  const position = definition.jobs.find((one) => one.key === localKey(job.key))?.position ?? { line: 1, column: 1 };
  return { severity: "error", ...complaint, file: source.path, ...position };
}

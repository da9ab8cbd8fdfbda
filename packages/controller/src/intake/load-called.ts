import type { CalledWorkflow, Diagnostic, JobDefinition, Trust, WorkflowDefinition } from "@windrow/model";
import type { ParseResult, ParseWorker } from "@windrow/workflow";
import type { Actions } from "../actions/create-actions.ts";
import type { ReaderPool } from "../git/reader-pool.ts";
import { checkCall } from "./check-call.ts";
import { WORKFLOW_FILE_BYTES_MAX } from "./read-workflow-files.ts";

/** As documented: a workflow may call others this deep, itself counted, and so many in all. */
export const CALL_LEVELS_MAX = 10;
export const CALLED_FILES_MAX = 50;
/** All called files together, each counted wherever it is called. */
export const CALLED_BYTES_MAX = 4 * 1024 * 1024;

export interface LoadCalledDeps {
  readonly reader: ReaderPool;
  readonly parser: ParseWorker;
  readonly actions: Pick<Actions, "readFile">;
}

/** Where the run's own files stand. */
export interface CallerPlace {
  readonly folder: string;
  readonly owner: string;
  readonly repository: string;
  readonly ref: string;
  readonly sha: string;
  readonly trust: Trust;
}

export interface LoadedCalls {
  /** With `called` filled, as far down as it goes. */
  readonly definition: WorkflowDefinition;
  readonly diagnostics: readonly Diagnostic[];
}

/** A file on the way down: who called whom, to see a circle. */
interface FilePlace {
  readonly repository: string;
  readonly ref: string;
  readonly sha: string;
  /** How complaints name it. */
  readonly file: string;
  readonly chain: readonly string[];
}

type Found = { readonly sha: string; readonly text: string } | { readonly problem: string };
type Read =
  | { readonly sha: string; readonly sizeBytes: number; readonly parsed: ParseResult }
  | { readonly problem: string };

/**
 * Reads every workflow that the jobs of this one call, and those that they call: `./path` and `$/path` from the same
 * commit, `owner/name/path@ref` from wherever the farm finds actions. Every refusal is a complaint at the `uses` that asked.
 */
export async function loadCalled(
  deps: LoadCalledDeps,
  own: CallerPlace,
  definition: WorkflowDefinition,
): Promise<LoadedCalls> {
  const diagnostics: Diagnostic[] = [];
  const files = new Map<string, Promise<Read>>();
  let bytesCount = 0;
  const start = {
    repository: own.repository,
    ref: own.ref,
    sha: own.sha,
    file: definition.path,
    chain: [keyOf(own.repository, own.sha, definition.path)],
  };
  return { definition: await load(definition, start), diagnostics };

  async function load(caller: WorkflowDefinition, at: FilePlace): Promise<WorkflowDefinition> {
    const called = new Map<string, CalledWorkflow>();
    for (const job of caller.jobs) {
      if (job.call === undefined) continue;
      const found = called.get(job.call.uses) ?? (await open(job, job.call.uses, at));
      if (found === undefined) continue;
      called.set(job.call.uses, found);
      for (const { message, hint } of checkCall(job.call, found.definition)) complain(job, at, message, hint);
    }
    return called.size === 0 ? caller : { ...caller, called: Object.fromEntries(called) };
  }

  async function open(job: JobDefinition, uses: string, at: FilePlace): Promise<CalledWorkflow | undefined> {
    const target = readUses(uses, at);
    if (target === undefined) {
      complain(job, at, `'${uses}' names no workflow`, "write ./.github/workflows/NAME.yml or owner/name/PATH@ref");
      return undefined;
    }
    if (at.chain.length >= CALL_LEVELS_MAX) {
      complain(job, at, `workflows may call each other ${CALL_LEVELS_MAX} levels deep, the first one counted`);
      return undefined;
    }
    const found = await read(target);
    if ("problem" in found) {
      complain(job, at, `'${uses}' cannot be called: ${found.problem}`);
      return undefined;
    }
    const key = keyOf(target.repository, found.sha, target.path);
    if (at.chain.includes(key)) {
      complain(job, at, `'${uses}' calls itself`);
      return undefined;
    }
    bytesCount += found.sizeBytes;
    if (bytesCount > CALLED_BYTES_MAX) {
      complain(job, at, `the workflows that are called come to more than ${CALLED_BYTES_MAX / 1024 / 1024} MiB`);
      return undefined;
    }
    const isOwn = target.repository === own.repository && found.sha === own.sha;
    const file = isOwn ? target.path : `${target.repository}/${target.path}@${target.ref}`;
    const { parsed } = found;
    diagnostics.push(...parsed.diagnostics.map((one) => ({ ...one, file })));
    if (parsed.definition === undefined) {
      complain(job, at, `'${uses}' cannot be called: it has errors`);
      return undefined;
    }
    const place = { repository: target.repository, ref: target.ref, sha: found.sha, file, chain: [...at.chain, key] };
    const { repository, ref, sha } = place;
    return { repository, ref, sha, definition: await load(parsed.definition, place) };
  }

  function read(target: CallTarget): Promise<Read> {
    const key = `${target.repository}@${target.ref}:${target.path}`;
    const known = files.get(key);
    if (known !== undefined) return known;
    if (files.size >= CALLED_FILES_MAX) {
      return Promise.resolve({ problem: `a run may call ${CALLED_FILES_MAX} workflows, and this is one more` });
    }
    const reading = readAndParse(target);
    files.set(key, reading);
    return reading;
  }

  async function readAndParse(target: CallTarget): Promise<Read> {
    const found = await readAnew(target);
    if ("problem" in found) return found;
    const parsed = await deps.parser.parse(target.path, found.text);
    return { sha: found.sha, sizeBytes: Buffer.byteLength(found.text), parsed };
  }

  async function readAnew({ repository, ref, path, sha }: CallTarget): Promise<Found> {
    if (sha === own.sha && repository === own.repository) return readOwn(path);
    const { owner, trust } = own;
    // strangers' work reads no repository but its own
    const reader = { owner, repository: own.repository.slice(owner.length + 1), trust };
    const found = await deps.actions.readFile({ repository, ref: sha ?? ref, path, reader });
    return found.kind === "found" ? found : { problem: found.problem };
  }

  async function readOwn(path: string): Promise<Found> {
    const object = await deps.reader.read(own.folder, `${own.sha}:${path}`, WORKFLOW_FILE_BYTES_MAX);
    if (object?.type !== "blob") return { problem: `there is no file '${path}' in this commit` };
    if (object.bytes === null) return { problem: `'${path}' has more than ${WORKFLOW_FILE_BYTES_MAX / 1024} KiB` };
    return { sha: own.sha, text: object.bytes.toString("utf8") };
  }

  function complain(job: JobDefinition, at: FilePlace, message: string, hint?: string): void {
    diagnostics.push({
      severity: "error",
      code: "call",
      message: `job '${job.key}': ${message}`,
      ...(hint !== undefined && { hint }),
      file: at.file,
      ...(job.call?.position ?? job.position),
    });
  }
}

interface CallTarget {
  readonly repository: string;
  readonly ref: string;
  readonly path: string;
  /** Known for what stands beside the caller. */
  readonly sha?: string;
}

const REMOTE = /^([\w.-]+\/[\w.-]+)\/([^@]+\.ya?ml)@([^\s@]+)$/;

function readUses(uses: string, at: FilePlace): CallTarget | undefined {
  // `$/` is the repository and commit of the file that calls, and so is `./` for a workflow
  if (uses.startsWith("./") || uses.startsWith("$/")) {
    const path = uses.slice(2);
    if (path.split("/").some((part) => part === ".." || part === "")) return undefined;
    return { repository: at.repository, ref: at.ref, path, sha: at.sha };
  }
  const [, repository, path, ref] = REMOTE.exec(uses) ?? [];
  return repository === undefined || path === undefined || ref === undefined ? undefined : { repository, path, ref };
}

const keyOf = (repository: string, sha: string, path: string): string => `${repository.toLowerCase()}@${sha}:${path}`;

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CalledWorkflow, Diagnostic, WorkflowDefinition } from "@windrow/model";
import { createParseWorker, type ParseResult, previewRun, type RunFacts, type RunPreview } from "@windrow/workflow";
import type { CorpusFile } from "./find-corpus.ts";

/** What became of one file. */
export interface PlannedFile {
  readonly file: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Absent where the file is refused. */
  readonly plan?: {
    /** Jobs of the file. */
    readonly jobKeys: readonly string[];
    /** Rows after matrix expansion by key; null where these depend on outputs of other jobs. */
    readonly instances: ReadonlyMap<string, number | null>;
    /** For a push to the default branch, jobs of called workflows among them. */
    readonly preview: RunPreview;
  };
}

const CALL_LEVELS_MAX = 4;
/** Reads and plans every file: a push to the default branch with empty inputs. */
export async function planCorpus(folder: string, files: readonly CorpusFile[]): Promise<PlannedFile[]> {
  const parser = createParseWorker();
  try {
    const parsed = new Map<string, ParseResult>();
    for (const { file } of files) {
      parsed.set(file, await parser.parse(file, readFileSync(join(folder, file), "utf8")));
    }
    return files.map((one) => planFile(one, parsed));
  } finally {
    await parser.close();
  }
}

function planFile({ file, repo }: CorpusFile, parsed: ReadonlyMap<string, ParseResult>): PlannedFile {
  const { definition, diagnostics = [] } = parsed.get(file) ?? {};
  if (definition === undefined) return { file, diagnostics };
  const prefix = `${repo.replace("/", "__")}__`;
  const whole = withCalled(definition, { repo, prefix, parsed }, 1);
  const facts = pushFacts(repo, definition);
  const question = { facts, inputs: {}, vars: {} };
  return {
    file,
    diagnostics,
    plan: {
      jobKeys: definition.jobs.map((job) => job.key),
      instances: countInstances(definition, previewRun({ ...question, definition: withoutConditions(definition) })),
      preview: previewRun({ ...question, definition: whole }),
    },
  };
}

/** Workflows of the same repository that are among the files. */
function withCalled(
  definition: WorkflowDefinition,
  place: { readonly repo: string; readonly prefix: string; readonly parsed: ReadonlyMap<string, ParseResult> },
  level: number,
): WorkflowDefinition {
  const called: Record<string, CalledWorkflow> = {};
  for (const { call } of definition.jobs) {
    const name = call?.uses.match(/^\.\/\.github\/workflows\/(.+)$/)?.[1];
    const inner = name === undefined ? undefined : place.parsed.get(place.prefix + name)?.definition;
    if (call === undefined || inner === undefined || level >= CALL_LEVELS_MAX) continue;
    const source = { repository: place.repo, ref: "refs/heads/main", sha: SHA };
    called[call.uses] = { ...source, definition: withCalled(inner, place, level + 1) };
  }
  return { ...definition, called };
}

/** A job's rows count whether or not its `if` holds for a push. */
function withoutConditions(definition: WorkflowDefinition): WorkflowDefinition {
  return { ...definition, jobs: definition.jobs.map((job) => ({ ...job, condition: "always()" })) };
}

/** Rows by key: those in the file, and those that inputs, variables and the event make when the run starts. */
function countInstances(definition: WorkflowDefinition, preview: RunPreview): Map<string, number | null> {
  return new Map(
    definition.jobs.map(({ key, matrix, matrixTemplate }) => {
      if (matrixTemplate === undefined) return [key, matrix.length];
      const rows = preview.jobs.filter((job) => job.key === key);
      const isKnown = rows.every((job) => job.skippedBecause === undefined && !job.unknown.includes("matrix"));
      return [key, isKnown ? rows.length : null];
    }),
  );
}

const SHA = "1".repeat(40);

function pushFacts(repository: string, { path, name }: WorkflowDefinition): RunFacts {
  const ref = "refs/heads/main";
  const [owner = ""] = repository.split("/");
  const event = {
    ref,
    before: "0".repeat(40),
    after: SHA,
    repository: { full_name: repository, default_branch: "main", owner: { login: owner }, fork: false },
    sender: { login: owner },
    head_commit: { id: SHA, message: "A change" },
  };
  return {
    repository,
    sha: SHA,
    ref,
    runId: 1,
    runNumber: 1,
    runAttempt: 1,
    workflowName: name ?? path,
    workflowPath: path,
    eventName: "push",
    actor: owner,
    triggeringActor: owner,
    headRef: "",
    baseRef: "",
    eventDigest: "",
    eventJson: JSON.stringify(event),
    trust: "trusted",
    defaultBranch: "main",
    publicUrl: "http://farm.example",
  };
}

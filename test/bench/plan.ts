// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { WorkflowDefinition } from "@windrow/model";
import {
  buildPlan,
  decideJobReady,
  evaluateCondition,
  githubContext,
  parseWorkflow,
  type RunFacts,
  resolveJobs,
} from "@windrow/workflow";
import { CORPUS_FOLDER, findCorpus } from "../corpus/find-corpus.ts";
import { percentile } from "./percentile.ts";
import { measureSpawnRate } from "./spawn-rate.ts";

const ROUNDS = 3;
const PREPARED_EVALUATIONS = 500_000;
const COLD_EVALUATIONS = 5_000;
const SAMPLE_FILE = join(
  dirname(fileURLToPath(import.meta.url)),
  "../../packages/cli/sample/.windrow/workflows/ci.yml",
);
/** The bundled sample is small: it is read as often as there would be files. */
const SAMPLE_COPIES = 300;

interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Reads and plans real workflow files (the bundled sample where there are none), then evaluates expressions. */
export async function runPlanBench(): Promise<void> {
  const spawnRate = await measureSpawnRate();
  const files = readFiles();
  const bytes = files.reduce((sum, file) => sum + file.text.length, 0);
  process.stdout.write(
    `${files.length} files, ${(bytes / 1024).toFixed(0)} KiB; bash starts here at ${spawnRate.toFixed(0)}/s\n`,
  );
  for (let round = 0; round <= ROUNDS; round++) planFiles(files, round === 0 ? "warm-up" : `round ${round}`);
  const prepared = evaluatePrepared();
  const cold = evaluateCold();
  process.stdout.write(
    `expressions: ${prepared.toFixed(0)}/s prepared (${(1e6 / prepared).toFixed(2)} µs each), ` +
      `${cold.toFixed(0)}/s cold, with a new text and a new event each (${(1e6 / cold).toFixed(0)} µs each); ` +
      `${(prepared / spawnRate).toFixed(0)} and ${(cold / spawnRate).toFixed(1)} for one bash start\n`,
  );
}

function readFiles(): SourceFile[] {
  const corpus = findCorpus();
  if (corpus !== undefined) {
    return corpus.map(({ file }) => ({ path: file, text: readFileSync(join(CORPUS_FOLDER, file), "utf8") }));
  }
  const text = readFileSync(SAMPLE_FILE, "utf8");
  return Array.from({ length: SAMPLE_COPIES }, (_, at) => ({ path: `sample-${at}.yml`, text }));
}

function planFiles(files: readonly SourceFile[], title: string): void {
  const took: number[] = [];
  let parseMs = 0;
  let planMs = 0;
  let plans = 0;
  let refused = 0;
  for (const file of files) {
    const startedAt = performance.now();
    const { definition } = parseWorkflow(file);
    const parsedAt = performance.now();
    if (definition === undefined) refused += 1;
    else plans += planJobs(definition);
    const plannedAt = performance.now();
    parseMs += parsedAt - startedAt;
    planMs += plannedAt - parsedAt;
    took.push(plannedAt - startedAt);
  }
  const rate = (count: number, ms: number) => ((count / ms) * 1000).toFixed(0);
  process.stdout.write(
    `${title}: ${rate(files.length, parseMs + planMs)} files/s read and planned ` +
      `(reading ${rate(files.length, parseMs)} files/s, planning ${rate(plans, planMs)} jobs/s of ${plans}; ${refused} refused); ` +
      `a file takes ${percentile(took, 0.5).toFixed(2)} ms, p95 ${percentile(took, 0.95).toFixed(1)}, ` +
      `at most ${Math.max(...took).toFixed(1)}\n`,
  );
}

/** As a push would: every job is decided, and planned if it runs; answers how many plans were made. */
function planJobs(definition: WorkflowDefinition): number {
  const facts = pushFacts(definition, EVENT);
  const source = { repository: facts.repository, path: definition.path, ref: facts.ref, sha: facts.sha };
  const scope = { definition, source, inputs: {} };
  let plans = 0;
  for (const seed of resolveJobs({ scope, vars: {}, facts })) {
    const job = definition.jobs.find((one) => one.key === seed.key);
    if (job === undefined) throw new Error(`no job ${seed.key}`);
    const question = {
      scope,
      vars: {},
      job,
      matrix: seed.matrix,
      jobIndex: seed.strategy.jobIndex,
      jobTotal: seed.strategy.jobTotal,
      needs: job.needs.map((jobKey) => ({ jobKey, result: "success" as const, outputs: {} })),
      facts,
    };
    const answer = decideJobReady({ ...question, ancestors: [], isRunCancelled: false, isExpanded: true });
    if (answer.kind !== "run") continue;
    buildPlan({ ...question, name: answer.name, timeoutMs: answer.timeoutMs });
    plans += 1;
  }
  return plans;
}

/** An event of the size that forges send. */
const EVENT = JSON.stringify({
  ref: "refs/heads/main",
  commits: Array.from({ length: 20 }, (_, at) => ({
    id: String(at).padStart(40, "0"),
    message: `Change number ${at}`,
    author: { name: "Ada", email: "ada@example.com" },
    added: [`src/file-${at}.ts`],
    modified: ["README.md", "package.json"],
  })),
  repository: { id: 1, full_name: "me/app", default_branch: "main", owner: { id: 2, login: "me" } },
});

const CONDITION =
  "success() && (github.event_name == 'push' && startsWith(github.ref, 'refs/heads/') && contains(github.event.commits.*.message, 'Change number 19'))";

const STATUS = { success: () => true, failure: () => false, always: () => true, cancelled: () => false };

function evaluatePrepared(): number {
  const contexts = { github: githubContext(FACTS) };
  const startedAt = performance.now();
  for (let at = 0; at < PREPARED_EVALUATIONS; at++) {
    if (!evaluateCondition("github.event_name == 'push' && github.ref != 'x'", contexts, STATUS))
      throw new Error("false");
  }
  return (PREPARED_EVALUATIONS / (performance.now() - startedAt)) * 1000;
}

function evaluateCold(): number {
  const startedAt = performance.now();
  for (let at = 0; at < COLD_EVALUATIONS; at++) {
    const github = githubContext({ ...FACTS, eventJson: EVENT.replace("Change number 0", `Change ${at}`) });
    if (!evaluateCondition(`${CONDITION} && ${at} >= 0`, { github }, STATUS)) throw new Error("false");
  }
  return (COLD_EVALUATIONS / (performance.now() - startedAt)) * 1000;
}

const FACTS: RunFacts = {
  repository: "me/app",
  sha: "1".repeat(40),
  ref: "refs/heads/main",
  runId: 1,
  runNumber: 1,
  runAttempt: 1,
  workflowName: "ci",
  workflowPath: ".windrow/workflows/ci.yml",
  eventName: "push",
  actor: "ada",
  triggeringActor: "ada",
  headRef: "",
  baseRef: "",
  eventDigest: "",
  eventJson: EVENT,
  trust: "trusted",
  defaultBranch: "main",
  publicUrl: "http://farm.example",
};

function pushFacts({ path, name }: WorkflowDefinition, eventJson: string): RunFacts {
  return { ...FACTS, workflowName: name ?? path, workflowPath: path, eventJson };
}

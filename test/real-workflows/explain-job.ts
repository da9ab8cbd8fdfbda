import type { Job } from "@windrow/contract";
import type { Farm } from "../kit/farm.ts";
import { readLog } from "../kit/read-log.ts";

const WORDS_MAX = 200;
const TAIL_LINES_MAX = 25;
// colours and cursor moves of terminals
const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, "g");

export interface Explained {
  readonly why: string;
  /** The end of the failed step's log. */
  readonly tail: readonly string[];
}

/** Why a job is not green, in a line: the farm's own word, else the failed step and what it said last. */
export async function explainJob(farm: Farm, job: Job): Promise<Explained> {
  if (job.conclusion === "success") return { why: "", tail: [] };
  const steps = job.attempts.at(-1)?.steps ?? [];
  const failed = steps.find((step) => step.conclusion === "failure" || step.fault !== null);
  if (failed === undefined) return { why: short(job.message ?? job.reason ?? ""), tail: [] };
  const stream = String(failed.no);
  // a step that printed nothing has no log
  const hasLog = job.attempts.at(-1)?.streams.some((one) => one.stream === stream) ?? false;
  const lines = hasLog ? wordsOf((await readLog(farm, { jobId: job.id, stream })).toString()) : [];
  const error = failed.annotations.find(({ level }) => level === "error")?.message;
  const said = error ?? failed.fault ?? lastWords(lines);
  return { why: short(`step "${failed.name}": ${said}`), tail: lines.slice(-TAIL_LINES_MAX) };
}

function wordsOf(log: string): string[] {
  return log
    .replace(ESCAPES, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

const COMPLAINTS: readonly RegExp[] = [
  /(?:^|[\s:])(?:error|fatal)\b\s*:|\b\d+ (?:failing|failed)\b|command not found|no such file|denied/i,
  /error|cannot|failed|not found/i,
];

/** The last line that is a complaint, the plainer ones before the others; the last one when there is none. */
function lastWords(all: readonly string[]): string {
  const lines = all.filter((line) => !/exit code \d+/.test(line) && !line.includes(" | "));
  for (const complaint of COMPLAINTS) {
    const found = lines.findLast((line) => complaint.test(line));
    if (found !== undefined) return found;
  }
  return lines.at(-1) ?? "said nothing";
}

function short(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > WORDS_MAX ? `${line.slice(0, WORDS_MAX)}…` : line;
}

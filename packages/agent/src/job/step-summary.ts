import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { STEP_SUMMARY_BYTES_MAX } from "@windrow/model";
import type { OpenJob } from "./open-job.ts";

/**
 * Keeps what a process wrote for people, without secrets, where nothing of the job can change it any more. Answers the
 * file, or undefined when there is nothing.
 */
export function keepSummary(job: OpenJob, backendNo: number, text: string): string | undefined {
  if (text.trim() === "") return undefined;
  // On a disk: the folder of the job's small files may be held in memory.
  const path = join(dirname(job.files.work.workDir), `${backendNo}-summary.kept`);
  writeFileSync(`${path}.new`, job.logs.redact(text), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return path;
}

/** The summaries of a step's processes as one, in order; undefined when there is none. At most STEP_SUMMARY_BYTES_MAX. */
export function readSummary(files: readonly string[]): string | undefined {
  let summary = "";
  for (const file of files) {
    if (!existsSync(file)) continue;
    const text = readFileSync(file, "utf8");
    const joined = summary === "" ? text : `${summary}${summary.endsWith("\n") ? "" : "\n"}${text}`;
    if (Buffer.byteLength(joined) > STEP_SUMMARY_BYTES_MAX) break;
    summary = joined;
  }
  return summary === "" ? undefined : summary;
}

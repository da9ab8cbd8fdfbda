import type { CorpusFile } from "./find-corpus.ts";
import type { PlannedFile } from "./plan-corpus.ts";

/** A job whose rows differ from what the manifest counts. */
export interface Difference {
  readonly file: string;
  readonly job: string;
  readonly ours: number | null | undefined;
  readonly theirs: number | null;
}

/** Where the manifest counts other rows than the plan has; files that are refused are left out. */
export function findDifferences(planned: readonly PlannedFile[], files: readonly CorpusFile[]): Difference[] {
  const byFile = new Map(files.map((one) => [one.file, one.jobList]));
  return planned.flatMap(({ file, plan }) => {
    if (plan === undefined) return [];
    return (byFile.get(file) ?? []).flatMap(({ id, instances }) => {
      const ours = plan.instances.get(id);
      return ours === instances ? [] : [{ file, job: id, ours, theirs: instances }];
    });
  });
}

/** The table that is printed. */
export function summarizeCorpus(
  planned: readonly PlannedFile[],
  files: readonly CorpusFile[],
  tookMs: number,
): string[] {
  const accepted = planned.filter((one) => one.plan !== undefined);
  const jobs = accepted.flatMap((one) => [...(one.plan?.instances ?? [])]);
  const instances = jobs.reduce((sum, [, count]) => sum + (count ?? 0), 0);
  const previewed = accepted.flatMap((one) => one.plan?.preview.jobs ?? []);
  const wouldRun = previewed.filter((job) => job.skippedBecause === undefined && job.uses === undefined);
  const theirs = files.flatMap((one) => one.jobList);
  const differences = findDifferences(planned, files);
  const rows: (readonly [string, string])[] = [
    ["files", `${planned.length} of ${new Set(files.map((one) => one.repo)).size} repositories`],
    ["  accepted", `${accepted.length} (${((100 * accepted.length) / Math.max(1, planned.length)).toFixed(1)} %)`],
    ["  refused", String(planned.length - accepted.length)],
    ["jobs", `${jobs.length} (manifest: ${theirs.length})`],
    ["  with a matrix not known before the run", String(jobs.filter(([, count]) => count === null).length)],
    [
      "  instances after expansion",
      `${instances} (manifest: ${theirs.reduce((sum, one) => sum + (one.instances ?? 0), 0)})`,
    ],
    ["  that differ from the manifest", String(differences.length)],
    ["planned as for a push to the default branch", `${previewed.length} rows, ${wouldRun.length} jobs would run`],
    ["warnings", countCodes(planned, "warning")],
    ["refusals by reason", countCodes(planned, "error")],
    ["time", `${(tookMs / 1000).toFixed(1)} s, ${(tookMs / Math.max(1, planned.length)).toFixed(1)} ms a file`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...planned
      .filter((one) => one.plan === undefined)
      .flatMap((one) =>
        one.diagnostics
          .filter(({ severity }) => severity === "error")
          .map(({ line, column, code, message }) => `refused: ${one.file}:${line}:${column}: ${message} [${code}]`),
      ),
    ...accepted.flatMap((one) =>
      (one.plan?.preview.diagnostics ?? []).map(({ message }) => `cannot start: ${one.file}: ${message}`),
    ),
    ...differences.map(
      ({ file, job, ours, theirs }) => `differs: ${file}: ${job}: ${ours} here, ${theirs} in the manifest`,
    ),
  ];
}

function countCodes(planned: readonly PlannedFile[], severity: "error" | "warning"): string {
  const counts = new Map<string, number>();
  for (const { diagnostics } of planned) {
    for (const one of diagnostics.filter((each) => each.severity === severity)) {
      counts.set(one.code, (counts.get(one.code) ?? 0) + 1);
    }
  }
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return sorted.length === 0 ? "none" : sorted.map(([code, count]) => `${code} ${count}`).join(", ");
}

/** What one matrix may have. */
const MATRIX_MAX = 250;

/** A workflow of so many jobs alike. */
export function matrixOf(jobsCount: number, label = "linux"): string {
  const jobs: string[] = [];
  for (let from = 0; from < jobsCount; from += MATRIX_MAX) {
    const numbers = Array.from({ length: Math.min(MATRIX_MAX, jobsCount - from) }, (_, index) => from + index);
    jobs.push(`  part-${from}:
    runs-on: ${label}
    strategy:
      matrix:
        n: [${numbers.join(", ")}]
    steps:
      - run: "true"
`);
  }
  return `on: push\njobs:\n${jobs.join("")}`;
}

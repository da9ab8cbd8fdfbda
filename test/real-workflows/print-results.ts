import type { RealResult } from "./run-real-case.ts";

/** A file a paragraph, a job a line; with `logs` also the end of what a failed step said. */
export function formatResult(
  result: RealResult,
  { remark, logs }: { readonly remark: string | undefined; readonly logs: boolean },
): string[] {
  const counts = new Map<string, number>();
  for (const { verdict } of result.jobs) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const summary = [...counts].map(([verdict, count]) => `${count} ${verdict}`).join(", ");
  const width = Math.max(...result.jobs.map(({ name }) => name.length), 0);
  return [
    `${result.file}  (${result.source}; ${(result.tookMs / 1000).toFixed(0)} s): ${summary || result.conclusion}`,
    ...result.jobs.flatMap(({ name, verdict, why, tail }) => [
      `  ${verdict.padEnd(9)} ${name.padEnd(width)}  ${why}`.trimEnd(),
      ...(logs ? tail.map((line) => `      | ${line}`) : []),
    ]),
    ...(remark === undefined ? [] : [`  (known: ${remark})`]),
  ];
}

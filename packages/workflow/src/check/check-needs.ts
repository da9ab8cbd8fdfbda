import type { Position } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";

export interface WrittenNeeds {
  readonly at: Position;
  readonly needs: readonly { readonly key: string; readonly at: Position }[];
}

/** Complains about needs that name no job, the job itself, or that go round in a circle; each circle once. */
export function checkNeeds(jobs: ReadonlyMap<string, WrittenNeeds>, diagnostics: Diagnostics): void {
  for (const [key, { needs }] of jobs) {
    for (const need of needs) {
      if (jobs.has(need.key)) continue;
      const other = [...jobs.keys()].find((one) => one.toLowerCase() === need.key.toLowerCase());
      diagnostics.error(need.at, {
        code: "unknown-need",
        message: `job '${key}' needs '${need.key}', which is no job of this file`,
        hint: other === undefined ? "add the job or remove it from 'needs'" : `did you mean '${other}'?`,
      });
    }
  }
  const done = new Set<string>();
  for (const start of jobs.keys()) reportCircles(start, { jobs, done, diagnostics });
}

interface Walk {
  readonly jobs: ReadonlyMap<string, WrittenNeeds>;
  readonly done: Set<string>;
  readonly diagnostics: Diagnostics;
}

/** Depth first without recursion: 2,000 jobs may stand in one chain. */
function reportCircles(start: string, { jobs, done, diagnostics }: Walk): void {
  const path: { key: string; next: number }[] = [];
  const onPath = new Set<string>();
  const enter = (key: string): void => {
    path.push({ key, next: 0 });
    onPath.add(key);
  };
  if (!done.has(start)) enter(start);
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const need = jobs.get(top.key)?.needs[top.next];
    top.next += 1;
    if (need === undefined) {
      path.pop();
      onPath.delete(top.key);
      done.add(top.key);
    } else if (onPath.has(need.key)) {
      const circle = path.slice(path.findIndex((one) => one.key === need.key)).map((one) => one.key);
      diagnostics.error(need.at, {
        code: "cyclic-needs",
        message:
          circle.length === 1
            ? `job '${need.key}' needs itself`
            : `the needs go round in a circle: ${[...circle, need.key].join(" → ")}`,
        hint: "remove one of these needs",
      });
    } else if (jobs.has(need.key) && !done.has(need.key)) {
      enter(need.key);
    }
  }
}

import type { JobDefinition, Value } from "@windrow/model";
import { evaluateValue } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { LABELS_MAX } from "../limits.ts";

/**
 * The labels a job asks for, without repetition; none where it names a group alone. An expression may give one label or a list of them.
 * Throws `ExpressionFailure` also when no label or something else than texts comes out.
 */
export function labelJob(job: Pick<JobDefinition, "runsOn" | "runsOnGroup">, contexts: ExpressionContexts): string[] {
  const labels: string[] = [];
  for (const template of job.runsOn) {
    const value = evaluateValue(template, contexts);
    for (const label of isList(value) ? value : [value]) {
      if (label === null || typeof label === "object") {
        throw new ExpressionFailure(template, "'runs-on' gives neither a label nor a list of labels");
      }
      const text = String(label).trim();
      if (text === "") throw new ExpressionFailure(template, "'runs-on' gives an empty label");
      if (!labels.includes(text)) labels.push(text);
      if (labels.length > LABELS_MAX) {
        throw new ExpressionFailure(template, `'runs-on' gives more than ${LABELS_MAX} labels`);
      }
    }
  }
  if (labels.length === 0 && job.runsOnGroup !== undefined) return [];
  if (labels.length === 0) throw new ExpressionFailure(job.runsOn.join(", "), "'runs-on' gives no label");
  return labels;
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

import type { JobDefinition, Template, Value } from "@windrow/model";
import { evaluateValue } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { LABELS_MAX } from "../limits.ts";
import { evaluateName } from "./job-keys.ts";

/** What `runs-on` asks for. */
export interface JobPlace {
  /** Without repetition; none where a group alone is named. */
  readonly labels: readonly string[];
  /** `runs-on.group`. */
  readonly pool?: string;
}

/**
 * The labels and the group a job asks for. An expression may give one label, a list of them, or a map with `group` and
 * `labels`. Throws `ExpressionFailure` also when nothing or something else than texts comes out.
 */
export function placeJob(job: Pick<JobDefinition, "runsOn" | "runsOnGroup">, contexts: ExpressionContexts): JobPlace {
  const pool = evaluateName("runs-on.group", job.runsOnGroup, contexts);
  const [only, ...more] = job.runsOn;
  const value = only === undefined || more.length > 0 ? null : evaluateValue(only, contexts);
  if (only !== undefined && isMap(value)) {
    if (job.runsOnGroup !== undefined) throw notLabels(only);
    return placeByMap(only, value);
  }
  const labels = new Labels();
  for (const template of job.runsOn) labels.add(template, evaluateValue(template, contexts));
  const { list } = labels;
  if (list.length === 0 && job.runsOnGroup === undefined) {
    throw new ExpressionFailure(job.runsOn.join(", "), "'runs-on' gives no label");
  }
  return { labels: list, ...(pool !== undefined && { pool }) };
}

function placeByMap(
  template: Template,
  { group, labels: given, ...more }: { readonly [key: string]: Value },
): JobPlace {
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) throw new ExpressionFailure(template, `'runs-on' has no key '${unknown}'`);
  if (group !== undefined && typeof group !== "string") {
    throw new ExpressionFailure(template, "'runs-on.group' must be a text");
  }
  const labels = new Labels();
  if (given !== undefined) labels.add(template, given);
  const pool = group?.trim() ?? "";
  if (labels.list.length === 0 && pool === "") throw new ExpressionFailure(template, "'runs-on' gives no label");
  return { labels: labels.list, ...(pool !== "" && { pool }) };
}

class Labels {
  readonly list: string[] = [];

  add(template: Template, value: Value): void {
    for (const label of isList(value) ? value : [value]) {
      if (label === null || typeof label === "object") throw notLabels(template);
      const text = String(label).trim();
      if (text === "") throw new ExpressionFailure(template, "'runs-on' gives an empty label");
      if (!this.list.includes(text)) this.list.push(text);
      if (this.list.length > LABELS_MAX) {
        throw new ExpressionFailure(template, `'runs-on' gives more than ${LABELS_MAX} labels`);
      }
    }
  }
}

function notLabels(template: Template): ExpressionFailure {
  return new ExpressionFailure(template, "'runs-on' gives neither a label nor a list of labels");
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
const isMap = (value: Value): value is { readonly [key: string]: Value } =>
  value !== null && typeof value === "object" && !Array.isArray(value);

import { isMapping } from "@actions/workflow-parser";
import type { Template } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { LABELS_MAX } from "../limits.ts";
import { type Entry, entriesOf, readTemplateList, readTemplateText } from "./tokens.ts";

export interface RunsOn {
  /** One text may be an expression that gives a list. */
  readonly labels: readonly Template[];
  readonly group?: Template;
}

/** `runs-on:` of a job: a label, a list of labels, an expression that gives either, or a map with `group` and `labels`. */
export function readRunsOn({ at, value }: Entry, diagnostics: Diagnostics): RunsOn {
  let group: Template | undefined;
  let labels: Template[] = [];
  if (isMapping(value)) {
    for (const entry of entriesOf(value)) {
      if (entry.key === "group") group = readTemplateText(entry.value, entry.at, diagnostics);
      else if (entry.key === "labels") labels = readTemplateList(entry.value, entry.at, diagnostics);
    }
  } else {
    labels = readTemplateList(value, at, diagnostics);
  }
  if (labels.length === 0 && group === undefined) {
    diagnostics.error(at, { code: "no-labels", message: "'runs-on' names no label", hint: "for example: linux" });
  }
  if (labels.length > LABELS_MAX) {
    diagnostics.error(at, { code: "limit-labels", message: `'runs-on' names more than ${LABELS_MAX} labels` });
  }
  return { labels, ...(group !== undefined && { group }) };
}

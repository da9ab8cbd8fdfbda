import { isString } from "@actions/workflow-parser";
import type { Position } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { refuse } from "./refuse.ts";
import { type Entry, itemsOf, positionOf } from "./tokens.ts";

export interface WrittenNeed {
  readonly key: string;
  readonly at: Position;
}

/** `needs:` of a job: the key of a job or a list of them, each once. */
export function readNeeds({ at, value }: Entry, diagnostics: Diagnostics): WrittenNeed[] {
  const needs: WrittenNeed[] = [];
  for (const item of itemsOf(value)) {
    if (!isString(item)) {
      if (item.isExpression) refuse(diagnostics, positionOf(item, at), "an expression in 'needs'");
    } else if (!needs.some((need) => need.key === item.value)) {
      needs.push({ key: item.value, at: positionOf(item, at) });
    }
  }
  return needs;
}

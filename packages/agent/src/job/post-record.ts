import { join } from "node:path";
import type { JavaScriptRuns } from "@windrow/model";
import type { PostRecord } from "../journal/journal-records.ts";
import { inputVariables, stateVariables } from "./action-inputs.ts";
import type { OpenedAction } from "./resolve-uses.ts";
import type { ActionWork } from "./step-frame.ts";

export interface PostOptions {
  readonly work: Pick<ActionWork, "frame" | "step" | "view" | "actionName">;
  readonly action: OpenedAction;
  readonly runs: JavaScriptRuns;
  readonly inputs: ReadonlyMap<string, string>;
  readonly state: { readonly [name: string]: string };
}

/** The after-part of a JavaScript action that has begun; undefined when it has none. */
export function toPost({ work, action, runs, inputs, state }: PostOptions): PostRecord | undefined {
  if (runs.post === undefined) return undefined;
  const { frame, step, view, actionName } = work;
  const { dir, repository, ref } = action;
  return {
    place: frame.place,
    name: step.uses,
    script: { using: runs.using, path: join(dir, runs.post) },
    condition: runs.postCondition,
    env: [...view.stepEnv, ...Object.entries({ ...inputVariables(inputs), ...stateVariables(state) })],
    actionName,
    action: { path: frame.job.view.show(dir), repository, ref },
  };
}

import type { Value } from "@windrow/model";

/** Where an action is and what it was named; empty for what does not apply. */
export interface ActionPlace {
  readonly path: string;
  readonly repository: string;
  readonly ref: string;
}

/** A step's own entries of the `github` context: its `action`, and the action around it. */
export function actionEntries(name: string, place: ActionPlace | undefined): { readonly [name: string]: Value } {
  return {
    action: name,
    action_path: place?.path ?? "",
    action_repository: place?.repository ?? "",
    action_ref: place?.ref ?? "",
  };
}

/** The same as variables. */
export function actionVariables(name: string, place: ActionPlace | undefined): { readonly [name: string]: string } {
  if (place === undefined) return { GITHUB_ACTION: name };
  return {
    GITHUB_ACTION: name,
    GITHUB_ACTION_PATH: place.path,
    GITHUB_ACTION_REPOSITORY: place.repository,
    GITHUB_ACTION_REF: place.ref,
  };
}

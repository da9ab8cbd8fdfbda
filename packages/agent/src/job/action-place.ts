import type { Value } from "@windrow/model";

/** Where an action is and what it was named; empty for what does not apply. */
export interface ActionPlace {
  readonly path: string;
  readonly repository: string;
  readonly ref: string;
}

/** A step's own entries of the `github` context: its `action`, the action around it, and its files where it has some. */
export function actionEntries(
  name: string,
  place: ActionPlace | undefined,
  files?: { readonly env: string; readonly path: string },
): { readonly [name: string]: Value } {
  return {
    ...files,
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

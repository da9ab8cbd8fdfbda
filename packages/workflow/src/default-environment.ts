import type { Value } from "@windrow/model";

/** Entries of the `github` context that are documented default variables too: `GITHUB_` and their name in capitals. */
const GITHUB_VARIABLES = [
  "actor",
  "actor_id",
  "api_url",
  "base_ref",
  "event_name",
  "event_path",
  "graphql_url",
  "head_ref",
  "job",
  "ref",
  "ref_name",
  "ref_protected",
  "ref_type",
  "repository",
  "repository_id",
  "repository_owner",
  "repository_owner_id",
  "retention_days",
  "run_attempt",
  "run_id",
  "run_number",
  "server_url",
  "sha",
  "triggering_actor",
  "workflow",
  "workflow_ref",
  "workflow_sha",
  "workspace",
] as const;

/** The variables the documentation promises to every step, as far as the `github` context has them; a workflow cannot change these. */
export function defaultEnvironment(github: { readonly [name: string]: Value }): { readonly [name: string]: string } {
  return {
    GITHUB_ACTIONS: "true",
    ...Object.fromEntries(GITHUB_VARIABLES.map((name) => [`GITHUB_${name.toUpperCase()}`, String(github[name] ?? "")])),
  };
}

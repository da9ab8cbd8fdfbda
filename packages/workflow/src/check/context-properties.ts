/** The properties of contexts that are the same everywhere, in small letters. */
export const CONTEXT_PROPERTIES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    "github",
    words(`action action_path action_ref action_repository action_status actor actor_id api_url artifact_cache_size_limit
      base_ref env event event_name event_path graphql_url head_ref job job_workflow_ref job_workflow_sha output path ref
      ref_name ref_protected ref_type repository repository_id repository_owner repository_owner_id repository_visibility
      repositoryurl retention_days run_attempt run_id run_number secret_source server_url sha state step_summary token
      triggering_actor workflow workflow_ref workflow_sha workspace`),
  ],
  ["runner", words("name os arch temp tool_cache debug environment workspace")],
  ["strategy", words("fail-fast job-index job-total max-parallel")],
]);

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}

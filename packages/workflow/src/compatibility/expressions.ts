import { type Entry, partly, supported } from "./entry.ts";

/** Every function of an expression, with case as documented. */
export const FUNCTIONS: readonly Entry[] = [
  supported("contains"),
  supported("startsWith"),
  supported("endsWith"),
  supported("format"),
  supported("join"),
  supported("toJSON"),
  supported("fromJSON"),
  supported("case"),
  supported("hashFiles", "in steps, on the agent; the toolkit's patterns"),
  supported("success", "of a job by its ancestors, or by the needs that are named; of a step by the steps before it"),
  supported("failure"),
  supported("always"),
  supported("cancelled"),
];

/** Operators and literals. */
export const OPERATORS: readonly Entry[] = [
  supported("( )"),
  supported("[ ]", "an index or a property"),
  supported(".", "a property; .* of every item"),
  supported("!"),
  supported("< <= > >="),
  supported("== !=", "texts without case; other types as numbers"),
  supported("&& ||", "give one of their operands"),
  supported("null true false, numbers, 'texts'"),
];

/** Every context, with the places the language gives it to. */
export const CONTEXTS: readonly Entry[] = [
  partly("github", "see its properties below"),
  supported("env", "case-sensitive"),
  supported("vars", "variables of the farm, the owner and the repository; the narrowest wins"),
  supported("job", "status; container and services of jobs that have them; where the workflow stands"),
  supported("jobs", "in the outputs of a called workflow"),
  supported("steps", "outputs, outcome, conclusion"),
  supported("runner", "name, os, arch, temp, tool_cache, debug, environment, workspace"),
  partly("secrets", "GITHUB_TOKEN, the job's own token; every other is empty: the farm keeps no secrets yet"),
  supported("strategy"),
  supported("matrix"),
  supported("needs"),
  supported("inputs", "typed"),
];

const FILLED = `actor actor_id api_url base_ref event event_name event_path graphql_url head_ref job job_workflow_sha ref ref_name
  ref_protected ref_type repositoryUrl repository repository_id repository_owner repository_owner_id retention_days run_attempt
  run_id run_number secret_source sha token triggering_actor workflow workflow_ref workflow_sha workspace`;
const EMPTY = "artifact_cache_size_limit job_workflow_ref repository_visibility";
const ON_THE_AGENT = "action action_path action_ref action_repository action_status env path";

/** Properties of the `github` context. */
export const GITHUB_PROPERTIES: readonly Entry[] = [
  ...FILLED.split(/\s+/).map((name) => supported(name)),
  supported("server_url", "the farm's public address on the controller, the agent's gateway in steps"),
  ...ON_THE_AGENT.split(" ").map((name) => supported(name, "in steps")),
  ...EMPTY.split(" ").map((name) => partly(name, "empty")),
];

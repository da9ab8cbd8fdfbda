/** Events that start runs: by a push, by the farm itself, or by a person. */
const STARTING_EVENTS = [
  "push",
  "pull_request",
  "pull_request_target",
  "merge_group",
  "release",
  "create",
  "delete",
  "schedule",
  "workflow_dispatch",
  "workflow_call",
  "workflow_run",
  "repository_dispatch",
];

/** Whether something on the farm causes the event; the others of the language are read and never happen by themselves. */
export function isStartingEvent(event: string): boolean {
  return STARTING_EVENTS.includes(event);
}

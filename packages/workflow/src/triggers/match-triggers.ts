import type { Trigger, WorkflowDefinition } from "@windrow/model";
import { branchName, matchBranch, matchPaths, matchRef } from "./match-filters.ts";
import { findSkipWord } from "./skip-words.ts";
import {
  MATCH,
  noMatch,
  type PullRequestEvent,
  type PushEvent,
  type TriggerEvent,
  type TriggerMatch,
} from "./trigger-event.ts";

/** Activity types that start a run where `types` names none; of other events every type does. */
const DEFAULT_TYPES: ReadonlyMap<string, readonly string[]> = new Map([
  ["pull_request", ["opened", "synchronize", "reopened"]],
  ["pull_request_target", ["opened", "synchronize", "reopened"]],
]);

/** Whether a workflow starts for an event. */
export function matchTriggers(definition: Pick<WorkflowDefinition, "triggers">, event: TriggerEvent): TriggerMatch {
  const name = event.event === "other" ? event.name : event.event;
  const trigger = definition.triggers.find((one) => one.event === name);
  return trigger === undefined ? noMatch(`'on' does not name ${name}`) : matchTrigger(trigger, event);
}

function matchTrigger(trigger: Trigger, event: TriggerEvent): TriggerMatch {
  switch (event.event) {
    case "push":
      return matchPush(trigger, event);
    case "pull_request":
    case "pull_request_target":
      return matchPullRequest(trigger, event);
    case "merge_group":
      return all(matchType(trigger, event.action), () => matchBranch(trigger, branchName(event.baseRef)));
    case "workflow_run":
      return matchWorkflowRun(trigger, event);
    case "release":
      if (event.isDraft === true && ["created", "edited", "deleted"].includes(event.action)) {
        return noMatch(`a draft was ${event.action}`);
      }
      return matchType(trigger, event.action);
    case "repository_dispatch":
    case "other":
      return matchType(trigger, event.action);
    case "schedule": {
      const { schedule } = event;
      const isNamed = schedule === undefined || trigger.schedules?.some(({ cron }) => cron === schedule);
      return isNamed === true ? MATCH : noMatch(`'schedule' does not name '${schedule}'`);
    }
    case "workflow_dispatch":
    case "workflow_call":
    case "create":
    case "delete":
      return MATCH;
  }
}

function matchPush(trigger: Trigger, event: PushEvent): TriggerMatch {
  if (event.deleted === true) return noMatch("the ref was deleted");
  return all(
    matchMessage(event.headMessage),
    () => matchRef(trigger, event.ref),
    () => (event.ref.startsWith("refs/tags/") ? MATCH : matchPaths(trigger, event)),
  );
}

function matchPullRequest(trigger: Trigger, event: PullRequestEvent): TriggerMatch {
  return all(
    // The words in a commit's message are not asked where strangers could write them to hold a check back.
    event.event === "pull_request" ? matchMessage(event.headMessage) : MATCH,
    () => matchType(trigger, event.action),
    () => matchBranch(trigger, branchName(event.baseRef)),
    () => matchPaths(trigger, event),
  );
}

function matchWorkflowRun(
  trigger: Trigger,
  { action, workflow, headBranch }: Extract<TriggerEvent, { event: "workflow_run" }>,
): TriggerMatch {
  const isWanted = trigger.workflows?.includes(workflow) ?? true;
  return all(
    isWanted ? MATCH : noMatch(`'workflows' does not name '${workflow}'`),
    () => matchType(trigger, action),
    () => matchBranch(trigger, branchName(headBranch)),
  );
}

function matchMessage(headMessage: string | undefined): TriggerMatch {
  const word = findSkipWord(headMessage ?? "");
  return word === undefined ? MATCH : noMatch(`the head commit's message says ${word}`);
}

function matchType({ event, types }: Trigger, action: string | undefined): TriggerMatch {
  if (action === undefined) return MATCH;
  const wanted = types === undefined || types.length === 0 ? DEFAULT_TYPES.get(event) : types;
  if (wanted === undefined || wanted.includes(action)) return MATCH;
  return noMatch(`'${action}' is none of the types of '${event}' (${wanted.join(", ")})`);
}

/** The first answer that is no. */
function all(first: TriggerMatch, ...rest: readonly (() => TriggerMatch)[]): TriggerMatch {
  let answer = first;
  for (const next of rest) {
    if (!answer.matches) break;
    answer = next();
  }
  return answer;
}

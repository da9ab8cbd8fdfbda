import type { WorkflowDefinition } from "@windrow/model";
import { matchTriggers, type RunFacts, type TriggerEvent, type TriggerMatch } from "@windrow/workflow";
import { isMap, type Payload, payloadList, payloadText } from "./plan-payload.ts";

/** Whether a workflow starts for the event. */
export function planStart(
  definition: Pick<WorkflowDefinition, "triggers">,
  facts: RunFacts,
  payload: Payload | undefined,
): TriggerMatch {
  const { eventName } = facts;
  if (eventName === "push" || eventName === "workflow_dispatch") {
    return matchTriggers(definition, planEvent(facts, payload));
  }
  const isNamed = definition.triggers.some((one) => one.event === eventName);
  return isNamed ? { matches: true } : { matches: false, reason: `'on' does not name ${eventName}` };
}

/** The event as `on:` is asked about it. Paths count where the payload lists them, else no path filter holds a run back. */
function planEvent(facts: RunFacts, payload: Payload = {}): TriggerEvent {
  if (facts.eventName === "workflow_dispatch") return { event: "workflow_dispatch" };
  const changedPaths = changedIn(payload);
  const headMessage = payloadText(payload, "head_commit", "message");
  return {
    event: "push",
    ref: facts.ref,
    deleted: payload.deleted === true,
    ...(changedPaths !== undefined && { changedPaths }),
    ...(headMessage !== undefined && { headMessage }),
  };
}

function changedIn(payload: Payload): string[] | undefined {
  const lists = payloadList(payload, "commits")
    .filter(isMap)
    .flatMap((commit) => [commit.added, commit.removed, commit.modified])
    .filter((list) => Array.isArray(list));
  if (lists.length === 0) return undefined;
  return [...new Set(lists.flat().filter((name) => typeof name === "string"))];
}

import type { Value, WorkflowDefinition } from "@windrow/model";
import { matchTriggers, readTriggerEvent, type TriggerMatch } from "@windrow/workflow";
import type { PlanFacts } from "./plan-facts.ts";
import { isMap, type Payload, payloadList } from "./plan-payload.ts";

/** Whether a workflow starts for the event. Paths count where the payload lists them, else no path filter holds a run back. */
export function planStart(
  definition: Pick<WorkflowDefinition, "triggers">,
  facts: PlanFacts,
  given: Payload | undefined,
): TriggerMatch {
  const payload: Value = JSON.parse(facts.eventJson);
  const changedPaths = given === undefined ? undefined : changedIn(given);
  const event = readTriggerEvent({
    event: facts.eventName,
    ref: facts.ref,
    payload,
    ...(changedPaths !== undefined && { changedPaths }),
    ...(facts.headMessage !== undefined && { headMessage: facts.headMessage }),
  });
  return matchTriggers(definition, event);
}

function changedIn(payload: Payload): string[] | undefined {
  const lists = payloadList(payload, "commits")
    .filter(isMap)
    .flatMap((commit) => [commit.added, commit.removed, commit.modified])
    .filter((list) => Array.isArray(list));
  if (lists.length === 0) return undefined;
  return [...new Set(lists.flat().filter((name) => typeof name === "string"))];
}

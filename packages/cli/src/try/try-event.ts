import path from "node:path";
import type { RunSummary } from "@windrow/contract";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { OpenedFarm } from "../commands/open-farm.ts";
import type { Snapshot } from "../git/snapshot-tree.ts";
import { say } from "../output/print.ts";
import { makeDocument } from "../plan/make-document.ts";
import { type Payload, readPayload } from "../plan/plan-payload.ts";
import { parseFullName } from "../repo/parse-full-name.ts";
import { tryRef } from "./push-snapshot.ts";

/** The event that is tried, with its document where one was given. */
export interface TriedEvent {
  readonly event: string;
  readonly payload: Payload | undefined;
}

/** Options → the event; nothing for a push. Errors: CliError `usage`. */
export async function readTriedEvent(
  context: CommandContext,
  { event, payload }: { readonly event?: string; readonly payload?: string },
): Promise<TriedEvent | undefined> {
  if (event === undefined) {
    if (payload !== undefined) throw usageError("--payload is the document of an event: say which with --event");
    return undefined;
  }
  if (event === "workflow_dispatch") {
    throw usageError("--event workflow_dispatch is a start by hand", "Push a branch, then: windrow run start");
  }
  return { event, payload: payload === undefined ? undefined : await readPayload(path.resolve(context.cwd, payload)) };
}

/** Starts what the event starts in a snapshot that the farm has. */
export async function startTriedEvent(
  context: CommandContext,
  farm: OpenedFarm,
  tried: TriedEvent & {
    readonly repository: string;
    readonly id: string;
    readonly snapshot: Snapshot;
    readonly workflow: string | undefined;
  },
): Promise<readonly RunSummary[]> {
  const { event, repository, snapshot, workflow } = tried;
  const payload = tried.payload ?? (await inventDocument(context, farm, tried));
  const { answer } = await farm.api.call("startRun", {
    body: {
      repository,
      ref: tryRef(tried.id),
      event,
      payload,
      ...(workflow === undefined ? {} : { workflow }),
    },
  });
  for (const note of answer.notes) say(context.terminal, `not started: ${note}`);
  say(context.terminal, `${event} of ${snapshot.sha.slice(0, 8)}:`);
  return answer.runs;
}

async function inventDocument(
  context: CommandContext,
  farm: OpenedFarm,
  { event, repository, snapshot }: TriedEvent & { readonly repository: string; readonly snapshot: Snapshot },
): Promise<Payload> {
  const { answer } = await farm.api.call("viewRepository", { params: parseFullName(repository) });
  const branch = snapshot.branch ?? answer.default_branch;
  return makeDocument({
    event,
    actor: context.environment.USER ?? "me",
    ref: `refs/heads/${branch}`,
    sha: snapshot.sha,
    repository,
    defaultBranch: answer.default_branch,
    branch,
    message: "",
    workflowPath: "",
    inputs: {},
  });
}

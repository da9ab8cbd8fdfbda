import type { Trust, Value } from "@windrow/model";
import { readTriggerEvent } from "@windrow/workflow";
import type { GitEnvironment } from "../git/git-environment.ts";
import { type Changes, findPullRequestChanges, findPushChanges } from "./changed-paths.ts";
import { type EventSource, payloadDocument, pushDocument } from "./event-document.ts";
import type { Trigger } from "./prepare-runs.ts";

export interface PayloadEvent {
  readonly name: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly source: EventSource;
  readonly repository: Trigger["repository"];
  readonly content: Trigger["content"];
  readonly folder: string;
}

const ZEROES = "0".repeat(40);

/**
 * What an event that is tried with a document means: which ref and branches it is about, what it changed, and whether
 * its work is trusted (that of a pull request from another repository is not). The runs never count as a branch's own.
 */
export function readPayload(
  { environment }: { readonly environment: GitEnvironment },
  tried: PayloadEvent,
): Pick<Trigger, "event" | "ref" | "scope" | "trust" | "headRef" | "baseRef" | "document" | "changes"> {
  const { name, source, content, folder, repository } = tried;
  const payload = asValue(tried.payload);
  const text = (...path: string[]): string => textAt(payload, path);
  const branch = `refs/heads/${repository.default_branch}`;
  const isPull = name.startsWith("pull_request");
  const baseRef = isPull ? text("pull_request", "base", "ref") : "";
  const ref = refOf(name, {
    ref: text("ref"),
    number: text("number") || text("pull_request", "number"),
    baseRef,
    branch,
  });
  const document = documentOf(tried, { ...source, ref });
  const { sha } = content.commit;
  const headSha = isPull ? text("pull_request", "head", "sha") : text("after");
  const isOfHead = headSha === "" || headSha === sha;
  const place = { environment, folder };
  const changes = async (): Promise<Changes | undefined> => {
    if (isPull) {
      const base = text("pull_request", "base", "sha") || `refs/heads/${baseRef}`;
      return findPullRequestChanges({ ...place, base, head: headSha || sha });
    }
    const before = text("before");
    return before === "" || before === ZEROES
      ? undefined
      : findPushChanges({ ...place, ref, before, after: headSha || sha });
  };
  return {
    event: readTriggerEvent({
      ...{ event: name, ref, payload },
      ...(isOfHead && { headMessage: content.commit.message }),
    }),
    ref,
    scope: "try",
    trust: trustOf(
      name,
      text("pull_request", "head", "repo", "full_name"),
      text("pull_request", "base", "repo", "full_name"),
    ),
    headRef: isPull ? text("pull_request", "head", "ref") : "",
    baseRef,
    document: () => document,
    changes,
  };
}

function refOf(
  name: string,
  facts: { readonly ref: string; readonly number: string; readonly baseRef: string; readonly branch: string },
): string {
  if (name === "push" && facts.ref !== "") return facts.ref;
  if (name === "pull_request") return `refs/pull/${facts.number === "" ? "0" : facts.number}/merge`;
  if (name === "pull_request_target" && facts.baseRef !== "") return `refs/heads/${facts.baseRef}`;
  return facts.branch;
}

function documentOf({ name, payload, content }: PayloadEvent, source: EventSource): string {
  if (name !== "push") return payloadDocument(source, payload);
  const usual: Record<string, unknown> = JSON.parse(
    pushDocument(source, { before: ZEROES, after: content.commit.sha }),
  );
  return JSON.stringify({ ...usual, ...payload });
}

/** Strangers' code is untrusted, except where the workflow of the base runs and not theirs. */
function trustOf(name: string, head: string, base: string): Trust {
  // the repository of a head may be gone, which makes it no less foreign
  const isForeign = base !== "" && head !== base;
  return isForeign && name !== "pull_request_target" ? "untrusted" : "trusted";
}

/** What came as JSON is made of values. */
function asValue(payload: Readonly<Record<string, unknown>>): Value {
  const value: Value = JSON.parse(JSON.stringify(payload));
  return value;
}

function textAt(payload: Value, path: readonly string[]): string {
  let value: unknown = payload;
  for (const name of path) value = Object(value) === value ? Reflect.get(Object(value), name) : undefined;
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

import type { WorkflowSource } from "@windrow/model";
import type { RunFacts } from "./github-context.ts";

/** Facts of an ordinary push, for tests. */
export const FACTS: RunFacts = {
  repository: "me/app",
  sha: "0123456789abcdef0123456789abcdef01234567",
  ref: "refs/heads/main",
  runId: 7,
  runNumber: 3,
  runAttempt: 1,
  workflowName: "CI",
  workflowPath: ".windrow/workflows/ci.yml",
  eventName: "push",
  actor: "ada",
  triggeringActor: "ada",
  headRef: "",
  baseRef: "",
  eventDigest: "0".repeat(64),
  trust: "trusted",
  defaultBranch: "main",
  publicUrl: "http://127.0.0.1:7070",
  eventJson: '{"head_commit":{"message":"hello"}}',
};

/** Where the file of those facts stands. */
export const SOURCE: WorkflowSource = {
  repository: FACTS.repository,
  path: FACTS.workflowPath,
  ref: FACTS.ref,
  sha: FACTS.sha,
};

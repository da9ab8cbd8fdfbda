import { expect, test } from "vitest";
import { defaultEnvironment } from "./default-environment.ts";
import { evaluateCondition } from "./evaluate.ts";
import { githubContext } from "./github-context.ts";
import { jobContext } from "./plan/job-context.ts";
import { FACTS } from "./run-facts.fixture.ts";

test("the context has the documented entries, numbers of the run as texts", () => {
  expect(githubContext(FACTS, { jobKey: "b", workspace: "/w", token: "wrt_x" })).toMatchObject({
    actor: "ada",
    event: { head_commit: { message: "hello" } },
    event_name: "push",
    job: "b",
    ref: "refs/heads/main",
    ref_name: "main",
    ref_type: "branch",
    repository: "me/app",
    repository_owner: "me",
    run_id: "7",
    run_number: "3",
    run_attempt: "1",
    server_url: "http://127.0.0.1:7070",
    token: "wrt_x",
    workflow: "CI",
    workflow_ref: "me/app/.windrow/workflows/ci.yml@refs/heads/main",
    workspace: "/w",
  });
  expect(githubContext({ ...FACTS, ref: "refs/tags/v1/x" })).toMatchObject({ ref_name: "v1/x", ref_type: "tag" });
  expect(githubContext(FACTS, { serverUrl: "http://windrow.localhost:1", more: { action: "__run" } })).toMatchObject({
    server_url: "http://windrow.localhost:1",
    action: "__run",
  });
});

const PULL_REQUEST = {
  ...FACTS,
  eventName: "pull_request",
  ref: "refs/pull/5/merge",
  eventJson: JSON.stringify({
    pull_request: { head: { ref: "fix/it" }, base: { ref: "main" } },
    repository: { id: 12, owner: { id: 3 } },
    sender: { id: 4 },
  }),
};

test("of a pull request the branches are known, from the run or from its event", () => {
  const known = { head_ref: "fix/it", base_ref: "main", ref_name: "5/merge", ref_type: "branch" };
  expect(githubContext(PULL_REQUEST)).toMatchObject(known);
  expect(githubContext({ ...PULL_REQUEST, eventName: "pull_request_target" })).toMatchObject(known);
  expect(githubContext({ ...PULL_REQUEST, headRef: "told", baseRef: "by-run" })).toMatchObject({
    head_ref: "told",
    base_ref: "by-run",
  });
  expect(githubContext({ ...PULL_REQUEST, eventName: "push" })).toMatchObject({ head_ref: "", base_ref: "" });
});

test("ids come from the event and are empty where it has none", () => {
  expect(githubContext(PULL_REQUEST)).toMatchObject({
    actor_id: "4",
    repository_id: "12",
    repository_owner_id: "3",
  });
  expect(githubContext(FACTS)).toMatchObject({ actor_id: "", repository_id: "", repository_owner_id: "" });
});

test("in a called file the context is the caller's, but for the commit of that file", () => {
  const source = { repository: "me/shared", path: ".github/workflows/build.yml", ref: "v1", sha: "f".repeat(40) };
  expect(githubContext(FACTS, { source })).toMatchObject({
    job_workflow_sha: source.sha,
    workflow: "CI",
    workflow_ref: "me/app/.windrow/workflows/ci.yml@refs/heads/main",
    workflow_sha: FACTS.sha,
    sha: FACTS.sha,
    repository: "me/app",
  });
  expect(jobContext({ source }, { status: "success" })).toEqual({
    status: "success",
    container: {},
    services: {},
    workflow_ref: "me/shared/.github/workflows/build.yml@v1",
    workflow_sha: source.sha,
    workflow_repository: "me/shared",
    workflow_file_path: ".github/workflows/build.yml",
  });
});

test("every step is promised variables with what the context has", () => {
  const github = githubContext(PULL_REQUEST, { jobKey: "b", workspace: "/w" });
  expect(defaultEnvironment(github)).toMatchObject({
    GITHUB_ACTIONS: "true",
    GITHUB_HEAD_REF: "fix/it",
    GITHUB_JOB: "b",
    GITHUB_REF_PROTECTED: "false",
    GITHUB_RUN_ID: "7",
    GITHUB_WORKSPACE: "/w",
  });
  for (const [name, value] of Object.entries(defaultEnvironment(github)))
    expect([name, typeof value]).toEqual([name, "string"]);
});

test("the event is parsed and converted once for all jobs of a run", () => {
  const [one, other] = [githubContext(PULL_REQUEST), githubContext({ ...PULL_REQUEST, runId: 8 })];
  expect(one.event).toBe(other.event);
  expect(evaluateCondition("github.event == github.event", { github: one })).toBe(true);
});

test("the event is not parsed before it is read", () => {
  const context = githubContext({ ...FACTS, eventJson: "not JSON" });
  expect(context.sha).toBe(FACTS.sha);
  expect(() => context.event).toThrow(SyntaxError);
});

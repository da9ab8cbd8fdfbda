import { expect, test } from "vitest";
import { githubContext } from "./github-context.ts";
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

test("the event is not parsed before it is read", () => {
  const context = githubContext({ ...FACTS, eventJson: "not JSON" });
  expect(context.sha).toBe(FACTS.sha);
  expect(() => context.event).toThrow(SyntaxError);
});

import { describe, expect, test } from "vitest";
import { agentEnvironment } from "./agent/run-agent.ts";
import { judgeClock, judgeVersion } from "./doctor/check-farm.ts";
import { checkNode, judgeGit } from "./doctor/check-machine.ts";
import { formatChecks } from "./doctor/doctor-command.ts";
import { createStyle } from "./output/terminal.ts";
import { controllerEnvironment } from "./process/run-controller.ts";
import { pushArguments, remoteLines } from "./try/push-snapshot.ts";
import { VERSION } from "./version.ts";

test("flags of an agent win over its environment", () => {
  const context = { cwd: "/here", environment: { PATH: "/bin", WINDROW_AGENT_NAME: "old", WINDROW_AGENT_SLOTS: "3" } };
  expect(agentEnvironment(context, { name: "new", labels: "gpu, python", dir: "agent" })).toEqual({
    PATH: "/bin",
    WINDROW_AGENT_NAME: "new",
    WINDROW_AGENT_SLOTS: "3",
    WINDROW_AGENT_LABELS: "gpu,python",
    WINDROW_AGENT_DIR: "/here/agent",
  });
  expect(Number(agentEnvironment(context, { slots: "auto" }).WINDROW_AGENT_SLOTS)).toBeGreaterThanOrEqual(1);
  expect(agentEnvironment(context, {}).WINDROW_AGENT_DIR).toMatch(/windrow/);
  for (const slots of ["0", "257", "many"]) expect(() => agentEnvironment(context, { slots })).toThrow("--slots takes");
  expect(() => agentEnvironment(context, { labels: "a,,b" })).toThrow("empty label");
});

test("flags of a controller become its environment, folders seen from here", () => {
  const context = { cwd: "/here", environment: { WINDROW_PORT: "1" } };
  expect(controllerEnvironment(context, { port: "7070", data: "farm", natsUrl: "nats://a" })).toEqual({
    WINDROW_PORT: "7070",
    WINDROW_DATA_DIR: "/here/farm",
    WINDROW_NATS_URL: "nats://a",
    // how it starts agents as processes of its own machine
    WINDROW_MACHINES_AGENT_COMMAND: expect.stringMatching(/^\[".*agent.*main.*"\]$/),
  });
});

test("a try is pushed into its own namespace, with its branch and workflow, past the person's hooks", () => {
  const snapshot = { sha: "abc", parentSha: null, branch: "main", top: "/t" };
  expect(pushArguments({ snapshot, id: "x", workflow: "ci.yml" }, "http://f/git/a/b.git")).toEqual(
    "push --no-verify --no-progress -o try=ci.yml -o try-ref=main -- http://f/git/a/b.git abc:refs/windrow/try/x".split(
      " ",
    ),
  );
  expect(pushArguments({ snapshot: { ...snapshot, branch: null }, id: "x" }, "u")).not.toContain("try-ref=main");
  expect(remoteLines("remote: run #3        \nTo http://f\nremote: \nremote: no\n")).toEqual(["run #3", "no"]);
});

describe("doctor", () => {
  test.each([
    ["22.1.0", "failed"],
    ["24.0.0", "ok"],
    ["26.1.0", "ok"],
  ])("judges Node %s %s", (version, state) => expect(checkNode(version).state).toBe(state));
  test.each([
    ["git version 2.30.9", "warning"],
    ["git version 2.39.5", "ok"],
    ["git version 3.0.1", "ok"],
  ])("judges %s %s", (text, state) => expect(judgeGit(text).state).toBe(state));
  test("judges versions and clocks", () => {
    expect(judgeVersion(VERSION).state).toBe("ok");
    expect(judgeVersion("9.9.9").state).toBe("warning");
    const here = { sentAtMs: 1_000_000, answeredAtMs: 1_000_100 };
    expect(judgeClock(1_000_050, here)).toMatchObject({ state: "ok" });
    expect(judgeClock(1_020_100, here)).toMatchObject({ state: "warning", detail: "the farm is 20 s ahead" });
    expect(judgeClock(900_000, here)).toMatchObject({ state: "warning", detail: "the farm is 100 s behind" });
  });
  test("says what to do about what is wrong", () => {
    const checks = [
      { name: "node", state: "ok" as const, detail: "24.21.0", hint: "unseen" },
      { name: "agents", state: "warning" as const, detail: "none", hint: "join one" },
    ];
    expect(formatChecks(checks, createStyle(false))).toEqual([
      "✓ ok       node    24.21.0",
      "! warning  agents  none",
      "                   do: join one",
      "",
      "1 ok, 1 to look at, 0 failed",
    ]);
  });
});

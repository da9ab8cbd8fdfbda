// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createDockerEngine } from "@windrow/backends";
import { startTestEngine, TEST_IMAGES, type TestEngine, whyNoTestEngine } from "@windrow/backends/testing";
import type { Plan } from "@windrow/model";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { AgentBench } from "./agent-bench.ts";
import { checkoutStep, planOf, runStep } from "./fake-controller.ts";
import { type GitServer, startGitServer } from "./git-server.ts";

const missing = await whyNoTestEngine();

describe.skipIf(missing !== undefined)(`checkout (skipped: ${missing})`.replace(" (skipped: undefined)", ""), () => {
  let engine: TestEngine;
  let server: GitServer;
  let sha: string;
  let bench: AgentBench | undefined;
  beforeAll(async () => {
    engine = await startTestEngine({ networks: true, images: ["shell"] });
    server = await startGitServer();
    sha = server.add("acme/app", (work, git) => {
      writeFileSync(join(work, ".gitattributes"), "* filter=evil\n");
      git("add", ".");
      git("commit", "-qm", "filtered");
    });
  }, 120_000);
  afterEach(async () => {
    await bench?.stop();
    bench = undefined;
  });
  afterAll(async () => {
    server?.stop();
    await engine?.stop();
  });

  async function run(options: string, steps: Plan["steps"]) {
    bench = new AgentBench({
      controllerUrl: server.url,
      makeContainers: (agentDir) =>
        createDockerEngine({ socket: engine.socket, agentId: "agent-1", agentDir, retryFirstMs: 10 }),
    });
    await bench.start({ withSlotUsers: true });
    const container = { image: TEST_IMAGES.shell, env: [], ports: [], volumes: [], options };
    const attempt = bench.controller.offer(planOf(steps, { sha, container }));
    const { outcome } = await bench.finished(attempt, 60_000);
    const log = (no: number) => bench?.controller.log(attempt, String(no)).toString() ?? "";
    return { outcome, logs: steps.map((_, no) => log(no)), attempt };
  }

  it("is done on the machine for a container of root's whose image has no git, and is the container's then", async () => {
    const seen = await run("", [
      { ...checkoutStep({}), id: "checkout" },
      runStep("cat file; echo changed > file; echo new > other; cat file .git/HEAD; id -u"),
      runStep("echo ${{ steps.checkout.outputs.commit }}"),
      { ...checkoutStep({ path: "again" }), id: "again" },
      runStep('cat again/file; case "$(cat .git/config)" in *AUTHORIZATION*) echo kept;; esac'),
    ]);
    expect(seen).toMatchObject({
      outcome: "succeeded",
      logs: [
        expect.stringContaining(`HEAD is now at ${sha}`),
        "one\nchanged\nref: refs/heads/main\n0\n",
        `${sha}\n`,
        expect.stringContaining(`HEAD is now at ${sha}`),
        "one\nkept\n",
      ],
    });
    const said = [...seen.attempt.streams.keys()]
      .map((no) => bench?.controller.log(seen.attempt, no).toString())
      .join();
    expect(said.match(/The credentials of the checkout are removed/g)).toHaveLength(2);
  }, 60_000);

  it("runs no git on the machine where the container can write meanwhile", async () => {
    const mark = join(server.folder, "mark");
    chmodSync(server.folder, 0o777);
    const seen = await run("", [
      runStep(`cat > "$RUNNER_TEMP/evil" <<'END'
[filter "evil"]
smudge = touch ${mark}; cat
END
(while :; do for h in "$RUNNER_TEMP"/tmp.* safe/.git; do
  cat "$RUNNER_TEMP/evil" > "$h/.gitconfig"; cat "$RUNNER_TEMP/evil" >> "$h/config"
done; done) > /dev/null 2>&1 < /dev/null &`),
      checkoutStep({ path: "safe" }),
      runStep("cat safe/file"),
    ]);
    expect(seen.logs.slice(1)).toEqual([expect.stringContaining(`HEAD is now at ${sha}`), "one\n"]);
    expect(existsSync(mark)).toBe(false);
  }, 60_000);

  it("says what it needs where neither works", async () => {
    const { outcome, attempt } = await run("--user 1234:1235", [checkoutStep({})]);
    expect(outcome).toBe("failed");
    expect(bench?.lastReport(attempt, 0)?.fault).toContain("has no git, and runs as another user than root");
  }, 60_000);
});

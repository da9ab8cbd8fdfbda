// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of the workflow language
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createDockerEngine } from "@windrow/backends";
import { startTestEngine, TEST_IMAGES, type TestEngine, whyNoTestEngine } from "@windrow/backends/testing";
import type { Plan } from "@windrow/model";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { JobNetworks } from "../src/network/job-network.ts";
import { ActionShelf } from "./action-shelf.ts";
import { AgentBench, waitFor } from "./agent-bench.ts";
import type { FakeAttempt } from "./fake-controller.ts";
import { jobOf } from "./job-of.ts";

const missing = await whyNoTestEngine();
const PROXY = { HTTP_PROXY: "http://127.0.0.1:9", no_proxy: "db", NODE_USE_ENV_PROXY: "1" };

describe.skipIf(missing !== undefined)(
  `jobs in containers${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let engine: TestEngine;
    let bench: AgentBench;
    let shelf: ActionShelf;
    let failsToOpen = 0;
    let failsToClose = 0;
    /** Says what a network of the agent says, as far as steps see it. */
    const networks: JobNetworks = {
      problem: undefined,
      prepareContainers: async () => {},
      async open() {
        if (failsToOpen-- > 0) throw new Error("no network today");
        return {
          env: PROXY,
          async close() {
            if (failsToClose-- > 0) throw new Error("no closing today");
          },
        };
      },
      close: async () => {},
    };
    beforeAll(async () => {
      engine = await startTestEngine({ networks: true, images: ["shell"] });
    }, 120_000);
    afterAll(() => engine?.stop());
    beforeEach(() => {
      bench = new AgentBench({
        openActions: () => shelf.port,
        makeContainers: (agentDir) =>
          createDockerEngine({ socket: engine.socket, agentId: "agent-1", agentDir, retryFirstMs: 10 }),
        networks,
      });
      shelf = new ActionShelf(join(bench.agentDir, "actions"));
      failsToOpen = 0;
      failsToClose = 0;
    });
    const left = async () => ({
      containers: (await engine.docker.listContainers({ all: true })).flatMap((one) => one.Names),
      networks: (await engine.docker.listNetworks())
        .map((one) => one.Name)
        .filter((name) => name.startsWith("windrow-")),
    });
    afterEach(async () => {
      await bench.stop();
      const found = await left();
      for (const { Id } of await engine.docker.listContainers({ all: true }))
        await engine.docker.getContainer(Id).remove({ force: true });
      for (const name of found.networks) await engine.docker.getNetwork(name).remove();
      expect(found).toEqual({ containers: [], networks: [] });
    });

    const offer = (text: string, more: Partial<Plan> = {}) => bench.controller.offer({ ...jobOf(text), ...more });
    const log = (attempt: FakeAttempt, stream: string) => bench.controller.log(attempt, stream).toString();
    async function run(text: string, more: Partial<Plan> = {}): Promise<FakeAttempt> {
      const attempt = offer(text, more);
      await bench.finished(attempt, 60_000);
      return attempt;
    }
    const said = (attempt: FakeAttempt) =>
      [...attempt.streams.keys()].map((stream) => `== ${stream}\n${log(attempt, stream)}`).join("\n");
    const image = `docker://${TEST_IMAGES.shell}`;

    it("end a step whose own time is up, run what is to run always, and go on with what may fail", async () => {
      await bench.start({ withSlotUsers: true });
      const attempt = await run(`
      container: { image: '${TEST_IMAGES.shell}', options: '--read-only --user 1234' }
      steps:
        - { run: 'echo begun; touch /x || echo closed; sleep 600', timeout-minutes: 0.03, continue-on-error: true }
        - { uses: '${image}', with: { entrypoint: sleep, args: '600' }, timeout-minutes: 0.03 }
        - { run: 'echo skipped' }
        - { if: always(), run: 'echo "\${{ job.status }}"' }
        - { if: always(), uses: '${image}', with: { entrypoint: echo, args: after } }
    `);
      expect(attempt.finish, said(attempt)).toMatchObject({ outcome: "failed", receipt: { leftCount: 0 } });
      expect(bench.outcomes(attempt)).toEqual(["timed_out", "timed_out", "skipped", "succeeded", "succeeded"]);
      expect(log(attempt, "0")).toMatch(/begun\n.*closed\n/s);
      expect(log(attempt, "3")).toBe("failure\n");
      expect(log(attempt, "4")).toMatch(/after\n$/);
    }, 60_000);

    it("run what is to run always after a cancel, in the container and beside it", async () => {
      await bench.start({ withSlotUsers: true });
      const attempt = offer(`
      container: '${TEST_IMAGES.shell}'
      steps:
        - { run: 'echo ready; sleep 600' }
        - { if: always(), run: 'echo in' }
        - { if: cancelled(), uses: '${image}', with: { entrypoint: echo, args: beside } }
    `);
      await waitFor("the step", () => log(attempt, "0").includes("ready"), 20_000);
      bench.controller.say({ kind: "cancel", ...attempt.offer, reason: "asked" });
      expect(await bench.finished(attempt, 30_000)).toMatchObject({ outcome: "cancelled", receipt: { leftCount: 0 } });
      expect(log(attempt, "1"), said(attempt)).toBe("in\n");
      expect(log(attempt, "2"), said(attempt)).toMatch(/beside\n$/);
    }, 60_000);

    it("have steps beside one another, in the container and as containers", async () => {
      await bench.start({ withSlotUsers: true });
      const attempt = await run(`
      container: '${TEST_IMAGES.shell}'
      steps:
        - { id: a, background: true, run: 'until [ -e go ]; do sleep 0.05; done; echo a; echo "x=1" >> "$GITHUB_OUTPUT"' }
        - { id: b, background: true, uses: '${image}', with: { entrypoint: sh, args: '-c "until [ -e go ]; do sleep 0.05; done; echo b"' } }
        - { run: 'touch go' }
        - wait-all:
        - { run: 'echo "\${{ steps.a.outputs.x }}"' }
    `);
      expect(attempt.finish, said(attempt)).toMatchObject({ outcome: "succeeded", receipt: { leftCount: 0 } });
      expect(log(attempt, "0")).toBe("a\n");
      expect(log(attempt, "1")).toMatch(/b\n$/);
      expect(log(attempt, "4")).toBe("1\n");
    }, 60_000);

    it("have Docker actions built with the way out that the job has", async () => {
      await bench.start({ withSlotUsers: true });
      shelf.add("acme/built@v1", {
        "action.yml": "name: b\nruns: { using: docker, image: Dockerfile, entrypoint: /bin/true }",
        Dockerfile: `FROM ${TEST_IMAGES.shell}\nRUN echo "out by $HTTP_PROXY but to $no_proxy"\n`,
      });
      const attempt = await run("steps: [{ uses: acme/built@v1 }]");
      expect(log(attempt, "0"), said(attempt)).toMatch(/^out by http:\/\/127\.0\.0\.1:9 but to db$/m);
      expect(log(attempt, "0")).not.toContain("not consumed");
    }, 60_000);

    it("leave nothing when their network cannot be opened, or closed", async () => {
      await bench.start({ withSlotUsers: true });
      const text = `
      container: '${TEST_IMAGES.shell}'
      steps: [{ run: echo here }]
    `;
      failsToOpen = 1;
      const first = await run(text);
      expect(first.finish).toMatchObject({ outcome: "lost", message: "no network today" });
      expect(await left()).toEqual({ containers: [], networks: [] });
      failsToClose = 1;
      const second = await run(text);
      expect(second.finish).toMatchObject({ outcome: "succeeded", receipt: { leftCount: 0 } });
      expect(await left()).toEqual({ containers: [], networks: [] });
    }, 60_000);

    it("leave nothing of services that started while the agent died and the supervisor with it", async () => {
      const agent = await bench.start({ withSlotUsers: true });
      const attempt = offer(`
      services: { db: { image: '${TEST_IMAGES.shell}', command: sleep 600, options: '--health-cmd "sleep 60" --health-interval 60s' } }
      steps: [{ run: echo never }]
    `);
      await waitFor("the service", () => log(attempt, "system").includes("Starting the service"), 20_000);
      // as if it was killed: what it was doing is not undone
      await agent.stop();
      const site = join(bench.agentDir, "sites", attempt.offer.attemptId);
      process.kill(Number(readFileSync(join(site, "supervisor.pid"), "utf8").split(" ")[0]), "SIGKILL");
      await bench.start({ withSlotUsers: true });
      await bench.finished(attempt, 30_000);
      expect(attempt.finish?.outcome, said(attempt)).toBe("lost");
    }, 60_000);

    it("are lost when their container goes from under them, and leave an agent that goes on", async () => {
      await bench.start({ withSlotUsers: true });
      const inside = offer(`
      container: '${TEST_IMAGES.shell}'
      steps: [{ run: 'echo ready; sleep 600' }, { if: always(), run: 'echo never' }]
    `);
      await waitFor("the step", () => log(inside, "0").includes("ready"), 20_000);
      const found = await engine.docker.listContainers();
      await Promise.allSettled(found.map(({ Id }) => engine.docker.getContainer(Id).kill()));
      expect(await bench.finished(inside, 20_000)).toMatchObject({ outcome: "lost", reason: "infra_fault" });
      expect((await run("steps: [{ run: echo on }]")).finish?.outcome).toBe("succeeded");
    }, 60_000);

    it("are lost when the engine goes, at once, and leave an agent that goes on", async () => {
      const own = await startTestEngine({ networks: true, images: ["shell"] });
      const other = new AgentBench({
        openActions: () => shelf.port,
        makeContainers: (agentDir) =>
          createDockerEngine({ socket: own.socket, agentId: "agent-1", agentDir, retryFirstMs: 10 }),
      });
      try {
        await other.start({ withSlotUsers: true });
        const text = (attempt: FakeAttempt) => other.controller.log(attempt, "0").toString();
        const beside = other.controller.offer(
          jobOf(`steps: [{ uses: '${image}', with: { entrypoint: sh, args: '-c "echo ready; sleep 600"' } }]`),
        );
        await waitFor("the step", () => text(beside).includes("ready"), 20_000);
        process.kill(Number(readFileSync(join(own.dir, "pid"), "utf8")), "SIGTERM");
        expect(await other.finished(beside, 30_000)).toMatchObject({ outcome: "lost", reason: "infra_fault" });
        const after = other.controller.offer(jobOf("steps: [{ run: echo on }]"));
        expect((await other.finished(after, 20_000)).outcome).toBe("succeeded");
      } finally {
        await other.stop();
        own.network?.remove();
        rmSync(own.dir, { recursive: true, force: true });
      }
    }, 60_000);
  },
);

import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Agent, Install, Upgrade } from "@windrow/contract";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Farm } from "../kit/farm.ts";
import {
  type BuiltBundle,
  buildBundle,
  bundlesDir,
  type InstalledAgent,
  installAgent,
} from "../kit/installed-agent.ts";
import { Marker } from "../kit/marker.ts";
import { keepNodeParts, lendNodeParts } from "../kit/node-parts.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { waitFor } from "../kit/wait-for.ts";
import { runWindrow } from "../kit/windrow-command.ts";

const BEFORE = "0.0.9";
const START_MS_MAX = 120_000;

let farm: Farm;
let before: BuiltBundle;
let agents: InstalledAgent[] = [];

beforeAll(async () => {
  farm = await Farm.start({ agents: 0 });
  lendNodeParts(bundlesDir(farm));
  before = await buildBundle(farm, BEFORE);
  keepNodeParts(bundlesDir(farm));
}, START_MS_MAX);
afterEach(async () => {
  for (const agent of agents) await agent.stop();
  for (const { name } of await listAgents()) await farm.api("DELETE", `/api/v1/agents/${name}`);
  agents = [];
}, START_MS_MAX);
afterAll(() => farm?.stop());

async function install(...names: string[]): Promise<void> {
  for (const name of names) agents.push(await installAgent(farm, { name, bundle: before }));
  for (const name of names) await untilAgent(name, (agent) => agent.state === "ready");
}

const listAgents = async (): Promise<Agent[]> => (await farm.api<{ items: Agent[] }>("GET", "/api/v1/agents")).items;

function untilAgent(name: string, isAsWanted: (agent: Agent) => boolean): Promise<Agent> {
  const find = async () => (await listAgents()).find((agent) => agent.name === name);
  const logs = () => agents.map((agent) => agent.log().slice(-1_500));
  return waitFor(
    `agent ${name}`,
    async () => {
      const agent = await find();
      return agent !== undefined && isAsWanted(agent) ? agent : undefined;
    },
    { withinMs: 60_000, everyMs: 100, describe: async () => [await find(), await viewUpgrade(), logs()] },
  );
}

const startUpgrade = (atOnce: number) =>
  farm.api<Upgrade>("POST", "/api/v1/pools/default/upgrade", { body: { at_once: atOnce } });
const viewUpgrade = () => farm.api<Upgrade>("GET", "/api/v1/pools/default/upgrade").catch(() => undefined);
const untilEnded = () =>
  waitFor(
    "the upgrade's end",
    async () => {
      const upgrade = await viewUpgrade();
      return upgrade !== undefined && upgrade.state !== "running" ? upgrade : undefined;
    },
    { withinMs: 60_000, everyMs: 100, describe: viewUpgrade },
  );

async function pushWaitingJob(marker: Marker): Promise<number> {
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  long:
    runs-on: linux
    steps:
      - run: ${marker.openLine("begun")}; ${marker.waitLine("end")}
`,
  );
  await waitFor("the job's step", () => marker.isOpen("begun"));
  return runId;
}

test("two agents become the farm's version one after the other, a controller restart between, and a job runs on", async () => {
  await install("north", "south");
  const marker = new Marker();
  const runId = await pushWaitingJob(marker);
  const busy = (await listAgents()).find((agent) => agent.slots_used === 1)?.name ?? "";
  const idle = busy === "north" ? "south" : "north";
  expect((await listAgents()).map(({ version, is_outdated }) => ({ version, is_outdated }))).toEqual(
    [0, 1].map(() => ({ version: before.version, is_outdated: true })),
  );
  const listed = await runWindrow(farm, ["agent", "list"], { cwd: farm.dir });
  expect(listed.out.toString()).toContain(`${before.version} (older)`);

  const { version } = await startUpgrade(1);
  expect(version).toMatch(/^0\.1\.0\+[0-9a-f]{8}$/);
  const back = await untilAgent(idle, (agent) => agent.version === version && agent.state === "ready");
  expect(back).toMatchObject({ drain_reason: null, is_outdated: false, is_upgradable: true });
  await untilAgent(busy, (agent) => agent.state === "draining");
  const view = await runWindrow(farm, ["pool", "view", "default"], { cwd: farm.dir });
  expect(view.out.toString()).toContain(`to ${version}, 1 at once: 1 done, 1 under way, 0 to go`);

  const [controller] = farm.controllers;
  await controller?.child.stop();
  await farm.startController(0);
  await untilAgent(busy, (agent) => agent.state === "draining");
  expect((await viewUpgrade())?.state).toBe("running");
  marker.open("end");
  expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
  const ended = await untilEnded();
  expect(ended).toMatchObject({ state: "finished", reason: "" });
  expect(ended.agents.map(({ state, from_version }) => ({ state, from_version }))).toEqual(
    [0, 1].map(() => ({ state: "upgraded", from_version: before.version })),
  );
  await untilAgent(busy, (agent) => agent.version === version && agent.state === "ready");
  expect(await farm.attempts(runId)).toHaveLength(1);
  expect(agents.map((agent) => agent.version())).toEqual([version, version]);

  const again = await runWindrow(farm, ["pool", "upgrade", "default"], { cwd: farm.dir });
  expect(again.code).toBe(1);
  expect(again.err).toContain(`every agent of the pool is ${version} already`);
}, 180_000);

test("an aborted upgrade lets the agent that it drained take work again", async () => {
  await install("east");
  const marker = new Marker();
  const runId = await pushWaitingJob(marker);
  await startUpgrade(1);
  await untilAgent(
    "east",
    (agent) => agent.state === "draining" && agent.drain_reason?.startsWith("upgrade to") === true,
  );
  const aborted = await runWindrow(farm, ["pool", "upgrade", "default", "--abort"], { cwd: farm.dir });
  expect(aborted).toMatchObject({ code: 0 });
  await untilAgent("east", (agent) => agent.state === "ready" && agent.version === before.version);
  expect(await viewUpgrade()).toMatchObject({ state: "aborted", agents: [{ name: "east", state: "skipped" }] });
  marker.open("end");
  expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
}, 120_000);

test("a bundle that arrives damaged is refused by the agent, which goes on as it was, and the upgrade halts", async () => {
  await install("west");
  const { version } = await farm.api<Install>("GET", "/api/v1/install");
  const built = await buildBundle(farm, "0.1.0");
  expect(built.version).toBe(version);
  const archive = join(bundlesDir(farm), `${built.sha256}.tar.gz`);
  writeFileSync(archive, Buffer.alloc(statSync(archive).size, "x"));
  await startUpgrade(1);
  const ended = await untilEnded();
  expect(ended.state).toBe("halted");
  expect(ended.reason).toMatch(/^west: what http:.*\.tar\.gz answered is not what the controller promised$/);
  await untilAgent("west", (agent) => agent.state === "ready" && agent.version === before.version);
  expect(agents[0]?.version()).toBe(before.version);
}, 120_000);

test("agents that run from a checkout are not upgraded, and the farm says so", async () => {
  await farm.startAgent({ name: "checkout" });
  await farm.db.updateTable("agents").set({ version: BEFORE }).where("name", "=", "checkout").execute();
  const refused = await runWindrow(farm, ["pool", "upgrade", "default"], { cwd: farm.dir });
  expect(refused.code).toBe(1);
  expect(refused.err).toContain("these agents do not run from a bundle: checkout");
}, 60_000);

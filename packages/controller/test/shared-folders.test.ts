import type { Check, Farm } from "@windrow/contract";
import { afterEach, expect, it } from "vitest";
import { type Core, startCore } from "./core-kit.ts";

const LOOK = { timeout: 20_000, interval: 250 };

const cores: Core[] = [];
afterEach(async () => {
  for (const core of cores.splice(0).reverse()) await core.stop();
});

async function start(connectionString?: string): Promise<Core> {
  const core = await startCore(connectionString === undefined ? {} : { connectionString });
  cores.push(core);
  return core;
}

async function checks(core: Core, no = 0): Promise<Map<string, Check>> {
  const authorization = `Bearer ${await (cores[0] ?? core).adminToken()}`;
  const response = await fetch(`${core.controllers[no]?.url}/api/v1/farm`, { headers: { authorization } });
  const farm = (await response.json()) as Farm;
  return new Map(farm.checks.map((check) => [check.name, check]));
}

it("two controllers prove to each other that they share blobs and repositories", async () => {
  const core = await start();
  expect((await checks(core)).get("shared blobs")).toMatchObject({ state: "ok", detail: "one controller" });
  await core.startController();
  // a look at the farm is kept for a moment
  const check = (no: number, name: string) => expect.poll(async () => (await checks(core, no)).get(name), LOOK);
  for (const no of [0, 1]) {
    for (const name of ["shared blobs", "shared repositories"]) {
      await check(no, name).toMatchObject({ state: "ok", detail: "2 controllers see the same" });
    }
  }
  await core.controllers[1]?.stop();
  await check(0, "shared blobs").toMatchObject({ state: "ok", detail: "one controller" });
});

it("two controllers on folders of their own are found out, with what to do", async () => {
  const first = await start();
  const second = await start(first.connectionString);
  for (const core of [first, second]) {
    const seen = await checks(core);
    for (const name of ["shared blobs", "shared repositories"]) {
      expect(seen.get(name)).toMatchObject({ state: "failed", hint: expect.stringContaining("same data folder") });
    }
  }
});

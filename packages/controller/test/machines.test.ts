import { ProviderError } from "@windrow/providers";
import { createMemoryProvider, type MemoryProvider } from "@windrow/providers/testing";
import { endMachine, inTransaction, noteCreated } from "@windrow/store";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CALLS_MAX, type MachineKeeper } from "../src/machines/create-machine-keeper.ts";
import { type MachineFarm, SETTINGS, startMachineFarm } from "./machine-kit.ts";

let farm: MachineFarm;
let provider: MemoryProvider;
let keeper: MachineKeeper;
beforeAll(async () => {
  farm = await startMachineFarm();
});
beforeEach(async () => {
  await farm.clear();
  await farm.setProvider(SETTINGS);
  provider = createMemoryProvider();
  keeper = farm.keeper({ provider });
});
afterAll(() => farm?.stop());

/** One pass, and everything it began. */
async function pass(of: MachineKeeper = keeper): Promise<void> {
  await of.runOnce();
  await of.settle();
}
const madeBefore = (ms: number) => farm.set({ created_at: new Date(Date.now() - ms) });
const end = async () => {
  const { id: machineId } = await farm.machine();
  expect(await inTransaction(farm.db, (tx) => endMachine(tx, { machineId, reason: "idle" }))).toBe(true);
};

describe("the keeper of machines", () => {
  it("makes what is asked for, with a token for one join of that machine, and ends what is to go", async () => {
    await farm.request();
    await pass();
    const machine = await farm.machine();
    expect(machine.state).toBe("starting");
    const made = provider.machines.get(machine.name)?.request;
    expect(made).toMatchObject({ pool: "default", url: "http://127.0.0.1:1", slots: 1, isEphemeral: false });
    const tokens = await farm.db.selectFrom("tokens").selectAll().execute();
    expect(tokens).toMatchObject([{ machine_id: machine.id, pool: "default", uses_max: 1, kind: "join" }]);
    expect(made?.joinToken).toMatch(/^wrj_/);

    const agentId = await farm.join(machine);
    await pass();
    expect((await farm.machine()).state).toBe("ready");
    await end();
    await pass();
    expect([...provider.machines]).toEqual([]);
    expect(await farm.all()).toMatchObject([{ state: "ended", reason: "idle" }]);
    const agent = await farm.db.selectFrom("agents").select("state").where("id", "=", agentId).executeTakeFirst();
    expect(agent?.state).toBe("removed");
  });

  it("takes a machine whose agent joined before its provider answered as made", async () => {
    await farm.request();
    provider.onCreate = async () => {
      await farm.join(await farm.machine());
    };
    await pass();
    expect((await farm.machine()).state).toBe("ready");
  });

  it("has a few calls of one provider under way at once, and gets through", async () => {
    await farm.request(30);
    for (let passes = 0; passes < 30 && provider.machines.size < 30; passes++) await pass();
    expect(provider.machines.size).toBe(30);
    expect(provider.atOnceMax).toBeLessThanOrEqual(CALLS_MAX);
    expect(provider.atOnceMax).toBeGreaterThan(1);
  });

  it("says what the provider said, tries again later, and then goes on", async () => {
    await farm.request();
    provider.fail(new ProviderError("no room in this region", { retryable: true }));
    await pass();
    const waiting = await farm.machine();
    expect(waiting).toMatchObject({ state: "creating", error: "no room in this region", tryCount: 1 });
    expect(waiting.waitMs).toBeGreaterThan(500);
    expect(waiting.waitMs).toBeLessThanOrEqual(2_000);
    await pass();
    expect((await farm.machine()).tryCount).toBe(1);
    provider.fail(undefined);
    await farm.set({ not_before: null });
    await pass();
    expect(await farm.machine()).toMatchObject({ state: "starting", error: null, tryCount: 0 });
    // a token is not made anew for every try
    expect(await farm.db.selectFrom("tokens").select("id").execute()).toHaveLength(1);
    expect(await farm.registry.metrics()).toMatch(/windrow_provider_errors_total\{provider="command"\} [1-9]/);
    expect(await farm.registry.metrics()).toContain('windrow_machines{pool="default",state="starting"} 1');
  });

  it("waits long where trying again does not help, and not at all once the settings are changed", async () => {
    await farm.request();
    provider.fail(new ProviderError("no such image", { retryable: false }));
    await pass();
    expect((await farm.machine()).waitMs).toBeGreaterThan(200_000);
    provider.fail(undefined);
    await farm.setProvider({ ...SETTINGS, timeoutMs: 1_000 });
    await farm.set({ not_before: null });
    await pass();
    expect(await farm.all()).toMatchObject([{ state: "ended", reason: expect.stringContaining("was changed") }]);
  });

  it("tries an end again that did not work", async () => {
    await farm.request();
    await pass();
    await farm.join(await farm.machine());
    await end();
    provider.fail(new ProviderError("the engine is away", { retryable: true }));
    await pass();
    expect(await farm.machine()).toMatchObject({ state: "ending", error: "the engine is away" });
    provider.fail(undefined);
    await farm.set({ not_before: null });
    await pass();
    expect(await farm.all()).toMatchObject([{ state: "ended" }]);
    expect(provider.machines.size).toBe(0);
  });

  it("gives a machine up whose agent does not join, with its last words", async () => {
    await farm.request();
    await pass();
    await madeBefore(800_000);
    await pass();
    expect(await farm.all()).toMatchObject([
      { state: "failed", error: "its agent did not join within 720 s: its last words" },
    ]);
    expect(provider.machines.size).toBe(0);
  });

  it("gives a machine up that died before its agent joined", async () => {
    await farm.request();
    await pass();
    const { name } = await farm.machine();
    const machine = provider.machines.get(name);
    if (machine !== undefined) machine.isAlive = false;
    const restarted = farm.keeper({ provider });
    await pass(restarted);
    await pass(restarted);
    expect(await farm.all()).toMatchObject([
      { state: "failed", error: "it ended before its agent joined: its last words" },
    ]);
    expect(provider.machines.size).toBe(0);
  });

  it.each(["dead", "missing"])("takes the agent of a machine off that its provider calls %s", async (how) => {
    await farm.request();
    await pass();
    const { name } = await farm.machine();
    const agentId = await farm.join(await farm.machine());
    const machine = provider.machines.get(name);
    if (how === "missing") provider.machines.delete(name);
    else if (machine !== undefined) machine.isAlive = false;
    const restarted = farm.keeper({ provider });
    await pass(restarted);
    await pass(restarted);
    expect(await farm.all()).toMatchObject([{ state: "ended" }]);
    const agent = await farm.db.selectFrom("agents").select("state").where("id", "=", agentId).executeTakeFirst();
    expect(agent?.state).toBe("removed");
    expect(provider.machines.size).toBe(0);
  });

  it("ends machines of its pools that no row knows, and leaves the others alone", async () => {
    const request = { url: "", joinToken: "", slots: 1, isEphemeral: false };
    provider.machines.set("mine", { request: { ...request, name: "mine", pool: "default" }, isAlive: true });
    provider.machines.set("theirs", { request: { ...request, name: "theirs", pool: "go" }, isAlive: true });
    const one = farm.keeper({ provider });
    const ofDefault = farm.keeper({ provider, holdsPool: () => false });
    await pass(ofDefault);
    await pass(ofDefault);
    expect(provider.machines.size).toBe(2);
    // this keeper says that it dispatches every pool
    await pass(one);
    await pass(one);
    expect([...provider.machines.keys()]).toEqual([]);
  });

  it("leaves the machines of another controller's pools, and of another host, alone", async () => {
    await farm.setProvider({ kind: "process", host: "elsewhere" });
    await farm.request();
    await pass();
    expect(provider.machines.size).toBe(0);
    expect(await farm.machine()).toMatchObject({
      state: "creating",
      error: "no controller runs on elsewhere, where this machine is",
    });
    await farm.set({ not_before: null });
    const there = farm.keeper({ provider, hostname: "elsewhere", holdsPool: () => false });
    await pass(there);
    expect(provider.machines.size).toBe(1);
  });

  it("gives up what was to be made on a host where no controller is, once the pool has another provider", async () => {
    await farm.setProvider({ kind: "process", host: "mistyped" });
    await farm.request();
    await pass();
    await farm.setProvider(SETTINGS);
    await pass();
    expect(await farm.all()).toMatchObject([
      { state: "ended", reason: "the pool's provider was changed before it was made" },
    ]);
    expect(provider.machines.size).toBe(0);
  });

  it("remembers on which host the containers of a local engine are", async () => {
    await farm.setProvider({ kind: "docker", socket: "unix:///var/run/docker.sock", image: "i" });
    await farm.request();
    await pass();
    expect(await farm.machine()).toMatchObject({ state: "starting", host: "here" });
    // the pool's dispatcher is on another host by now, where no such container is
    const other = farm.keeper({ provider: createMemoryProvider(), hostname: "there" });
    await pass(other);
    await pass(other);
    expect(await farm.machine()).toMatchObject({ state: "starting", host: "here" });
  });

  it("ends at once whatever a look found, however many there are", async () => {
    await farm.request(10);
    for (let passes = 0; passes < 4; passes++) await pass();
    for (const machine of provider.machines.values()) machine.isAlive = false;
    const request = { url: "", joinToken: "", slots: 1, isEphemeral: false };
    for (let no = 0; no < 10; no++) {
      provider.machines.set(`x-${no}`, { request: { ...request, name: `x-${no}`, pool: "default" }, isAlive: true });
    }
    const restarted = farm.keeper({ provider });
    for (let passes = 0; passes < 8; passes++) await pass(restarted);
    expect([...provider.machines.keys()]).toEqual([]);
    expect((await farm.all()).map(({ state }) => state)).toEqual(Array(10).fill("failed"));
  });

  it("takes the agent off that joined while its machine was taken away", async () => {
    await farm.request();
    const machine = await farm.machine();
    const request = { name: machine.name, pool: machine.pool, url: "", joinToken: "", slots: 1, isEphemeral: false };
    // made by a keeper that died, of a provider that is not the pool's any more
    provider.machines.set(machine.name, { request, isAlive: true });
    await farm.setProvider(null);
    const destroy = provider.destroy;
    provider.destroy = async (name, signal) => {
      provider.destroy = destroy;
      await farm.join(machine);
      await destroy(name, signal);
    };
    for (let passes = 0; passes < 4; passes++) await pass();
    expect(await farm.all()).toMatchObject([{ state: "ended" }]);
    const agents = await farm.db.selectFrom("agents").select("state").execute();
    expect(agents).toEqual([{ state: "removed" }]);
  });

  it("takes over the containers of its engine when its host has another name than before", async () => {
    await farm.setProvider({ kind: "docker", socket: "unix:///var/run/docker.sock", image: "i" });
    await farm.request();
    await pass();
    await farm.join(await farm.machine());
    const renamed = farm.keeper({ provider, hostname: "renamed" });
    for (let passes = 0; passes < 3; passes++) await pass(renamed);
    expect(await farm.machine()).toMatchObject({ state: "ready", host: "renamed" });
    await end();
    await pass(renamed);
    expect(provider.machines.size).toBe(0);
    expect(await farm.all()).toMatchObject([{ state: "ended" }]);
  });

  it("does not wait for machines of a host that is gone", async () => {
    await farm.setProvider({ kind: "process", host: "here" });
    await farm.request(3);
    await pass();
    await farm.setProvider({ kind: "process", host: "elsewhere" });
    const [first] = await farm.machines();
    if (first === undefined) throw new Error("there is no machine");
    const agentId = await farm.join(first);
    const longAgo = new Date(Date.now() - 700_000);
    const lost = { state: "lost", suspect_at: longAgo, lost_at: longAgo } as const;
    await farm.db.updateTable("agents").set(lost).where("id", "=", agentId).execute();
    await madeBefore(700_000);
    const other = farm.keeper({ provider: createMemoryProvider(), hostname: "elsewhere" });
    await pass(other);
    await pass(other);
    const states = (await farm.machines()).map(({ state, error }) => ({ state, error }));
    const error = "no controller runs on here, where this machine is";
    expect(states).toEqual(Array(3).fill({ state: "ending", error }));
  });

  it("takes an ephemeral machine away when its agent has said goodbye", async () => {
    await farm.request();
    await farm.set({ is_ephemeral: true });
    await pass();
    expect([...provider.machines.values()][0]?.request.isEphemeral).toBe(true);
    const agentId = await farm.join(await farm.machine());
    await farm.db
      .updateTable("agents")
      .set({ state: "lost", lost_at: new Date(), suspect_at: null })
      .where("id", "=", agentId)
      .execute();
    await pass();
    await pass();
    expect(await farm.all()).toMatchObject([{ state: "ended", reason: "its agent said goodbye" }]);
    expect(provider.machines.size).toBe(0);
  });

  it("replaces idle machines of a provider that was changed, and no busy one", async () => {
    await farm.request();
    await pass();
    await farm.join(await farm.machine());
    await farm.setProvider(null);
    await pass();
    await pass();
    expect(await farm.all()).toMatchObject([{ state: "ended", reason: "the pool's provider was changed" }]);
    expect(provider.machines.size).toBe(0);
  });

  it("lets two keepers of one pool, as at a change of terms, do no harm", async () => {
    const other = farm.keeper({ provider });
    await farm.request(6);
    for (let passes = 0; passes < 6; passes++) await Promise.all([pass(), pass(other)]);
    expect(provider.machines.size).toBe(6);
    expect((await farm.machines()).map((machine) => machine.state)).toEqual(Array(6).fill("starting"));
  });

  it("counts a machine as made that was made by a keeper which then died", async () => {
    await farm.request();
    const { id, name, pool } = await farm.machine();
    const request = { name, pool, url: "", joinToken: "wrj_first", slots: 1, isEphemeral: false };
    provider.machines.set(name, { request, isAlive: true });
    await pass();
    expect(provider.machines.get(name)?.request.joinToken).toBe("wrj_first");
    expect((await farm.machine()).state).toBe("starting");
    expect(await noteCreated(farm.db, id)).toBe(false);
  });

  it("leaves the processes of its machine running when it stops, unless it was told to end them", async () => {
    await farm.setProvider({ kind: "process", host: "here" });
    await farm.request(3);
    await pass();
    await pass();
    expect(provider.machines.size).toBe(3);
    await farm.keeper({ provider }).stop();
    expect(provider.machines.size).toBe(3);
    await farm.keeper({ provider, hostname: "elsewhere", endsProcesses: true }).stop();
    expect(provider.machines.size).toBe(3);
    await farm.keeper({ provider, endsProcesses: true }).stop();
    expect(provider.machines.size).toBe(0);
    // the next one finds them gone
    const next = farm.keeper({ provider });
    await pass(next);
    await pass(next);
    expect(await farm.machines()).toEqual([]);
  });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createProcessProvider } from "@windrow/providers";
import { systemClock } from "@windrow/service";
import { endMachine, inTransaction } from "@windrow/store";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KeepMachinesTask } from "./fixtures/keep-machines.ts";
import { type MachineFarm, startMachineFarm } from "./machine-kit.ts";
import { waitFor } from "./wait-for.ts";

const dir = mkdtempSync(join(tmpdir(), "windrow-machines-"));
const started = join(dir, "started");
const path = process.env.PATH ?? "/usr/bin:/bin";
/** Says that it was started, and goes when it is asked to. */
const agentCommand = [
  "sh",
  "-c",
  `[ -n "\${WINDROW_AGENT_CLEAR:-}" ] && exit 0
mkdir -p "$WINDROW_AGENT_DIR"; echo "$WINDROW_AGENT_NAME" >> ${started}
trap 'exit 0' TERM; while :; do sleep 0.05; done`,
];

let farm: MachineFarm;
beforeAll(async () => {
  farm = await startMachineFarm();
  await farm.setProvider({ kind: "process", host: "here" });
});
beforeEach(async () => {
  await farm.clear();
  rmSync(started, { force: true });
});
afterAll(async () => {
  await farm?.stop();
  rmSync(dir, { recursive: true });
});

const openProvider = () =>
  createProcessProvider({
    dir: join(dir, "processes"),
    command: agentCommand,
    environment: { PATH: path },
    clock: systemClock,
  });
const never = new AbortController().signal;

/** A keeper in a process of its own, killed at the point named. */
async function killKeeperAt(stopAt: string): Promise<void> {
  const task: KeepMachinesTask = { connectionString: farm.connectionString, dir, agentCommand, path, stopAt };
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const entry = fileURLToPath(new URL("fixtures/keep-machines.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", loader, entry, JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  await Promise.race([
    once(child.stdout, "data"),
    exited.then(() => {
      throw new Error(`the keeper ended before ${stopAt}`);
    }),
  ]);
  child.kill("SIGKILL");
  await exited;
}

describe("a keeper that is killed", () => {
  it.each(["machines.before-create", "provider.begun", "provider.made", "machines.created"])(
    "loses no machine and makes none twice: at %s",
    async (stopAt) => {
      await farm.request();
      await killKeeperAt(stopAt);
      expect((await farm.machine()).state).toBe("creating");
      const provider = openProvider();
      const keeper = farm.keeper({ provider });
      await keeper.runOnce();
      await keeper.settle();
      const machine = await farm.machine();
      expect(machine.state).toBe("starting");
      expect(await provider.list(never)).toEqual([{ name: machine.name, pool: "default", isAlive: true }]);
      await farm.join(machine);
      await waitFor("the agent", () => existsSync(started));
      await inTransaction(farm.db, (tx) => endMachine(tx, { machineId: machine.id, reason: "idle" }));
      await keeper.runOnce();
      await keeper.settle();
      expect(await farm.all()).toMatchObject([{ state: "ended" }]);
      expect(readdirSync(join(dir, "processes"))).toEqual([]);
      expect(readFileSync(started, "utf8")).toBe(`${machine.name}\n`);
    },
  );

  it("ends what it had begun to end: at machines.destroyed", async () => {
    await farm.request();
    const keeper = farm.keeper({ provider: openProvider() });
    await keeper.runOnce();
    await keeper.settle();
    const machine = await farm.machine();
    await farm.join(machine);
    await inTransaction(farm.db, (tx) => endMachine(tx, { machineId: machine.id, reason: "idle" }));
    await killKeeperAt("machines.destroyed");
    expect((await farm.machine()).state).toBe("ending");
    const later = farm.keeper({ provider: openProvider() });
    await later.runOnce();
    await later.settle();
    expect(await farm.all()).toMatchObject([{ state: "ended" }]);
  });
});

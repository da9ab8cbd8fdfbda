import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ProviderSettings } from "@windrow/model";
import { systemClock } from "@windrow/service";
import { afterEach, describe, expect, it } from "vitest";
import {
  type AgentProvider,
  createProvider,
  type MachineRequest,
  ProviderError,
  type ProviderHost,
} from "../src/index.ts";
import type { CreateMachineTask } from "./fixtures/create-machine.ts";

/** What the suite needs of a provider, whose machines are of this farm and of nobody else. */
export interface ConformanceKit {
  readonly name: string;
  readonly settings: () => ProviderSettings;
  readonly host: () => Omit<ProviderHost, "clock">;
  /** The machine ends without anybody having asked its provider. */
  readonly endByItself: (name: string) => Promise<void>;
  /** Whatever is left of any machine: processes, containers, files. */
  readonly findLeftovers: () => Promise<string[]>;
  /** Settings with which nothing can be made, whoever tries again. */
  readonly wrong: () => { readonly settings: ProviderSettings; readonly host: Omit<ProviderHost, "clock"> };
}

const request = (name: string, over: Partial<MachineRequest> = {}): MachineRequest => ({
  name,
  pool: "python",
  url: "http://127.0.0.1:1",
  joinToken: "wrj_secret-of-the-machine",
  slots: 2,
  isEphemeral: false,
  ...over,
});
const never = new AbortController().signal;

/** What every provider does, whatever its machines are. */
export function describeConformance(kit: ConformanceKit): void {
  describe(`provider ${kit.name}`, () => {
    const open = (): AgentProvider => createProvider(kit.settings(), { ...kit.host(), clock: systemClock });

    afterEach(async () => {
      const provider = open();
      for (const { name } of await provider.list(never)) await provider.destroy(name, never);
      await provider.close();
      expect(await kit.findLeftovers()).toEqual([]);
    });

    it("lists nothing before anything was made", async () => {
      expect(await open().list(never)).toEqual([]);
    });

    it("makes a machine once, whoever asks again, and ends it once", async () => {
      const provider = open();
      await provider.create(request("python-1"), never);
      await provider.create(request("python-1", { joinToken: "wrj_another" }), never);
      await open().create(request("python-1"), never);
      expect(await provider.list(never)).toEqual([{ name: "python-1", pool: "python", isAlive: true }]);
      await provider.destroy("python-1", never);
      await provider.destroy("python-1", never);
      expect(await provider.list(never)).toEqual([]);
      expect(await kit.findLeftovers()).toEqual([]);
    });

    it("tells a caller that was started anew what an earlier one made, and lets it end that", async () => {
      const earlier = open();
      await earlier.create(request("python-1"), never);
      await earlier.create(request("node-1", { pool: "node" }), never);
      await earlier.close();
      const later = open();
      const listed = await later.list(never);
      expect(listed.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
        { name: "node-1", pool: "node", isAlive: true },
        { name: "python-1", pool: "python", isAlive: true },
      ]);
      await later.destroy("python-1", never);
      expect((await later.list(never)).map((machine) => machine.name)).toEqual(["node-1"]);
    });

    it.each(["provider.begun", "provider.made"])("loses no machine when its caller is killed at %s", async (stopAt) => {
      await killCallerAt({ settings: kit.settings(), host: kit.host(), request: request("python-1"), stopAt });
      const later = open();
      const before = await later.list(never);
      expect(before.filter((machine) => !machine.isAlive)).toEqual([]);
      await later.create(request("python-1"), never);
      expect(await later.list(never)).toEqual([{ name: "python-1", pool: "python", isAlive: true }]);
    });

    it.each(["provider.begun", "provider.made"])("ends what a caller left that was killed at %s", async (stopAt) => {
      await killCallerAt({ settings: kit.settings(), host: kit.host(), request: request("python-1"), stopAt });
      await open().destroy("python-1", never);
      expect(await open().list(never)).toEqual([]);
    });

    it("lists a machine that died by itself as not alive, makes it not again, and ends it", async () => {
      const provider = open();
      await provider.create(request("python-1"), never);
      await kit.endByItself("python-1");
      expect(await provider.list(never)).toEqual([{ name: "python-1", pool: "python", isAlive: false }]);
      await provider.create(request("python-1"), never);
      expect(await provider.list(never)).toEqual([{ name: "python-1", pool: "python", isAlive: false }]);
      await provider.destroy("python-1", never);
      expect(await provider.list(never)).toEqual([]);
    });

    it("takes calls for different machines at the same time", async () => {
      const provider = open();
      const names = Array.from({ length: 8 }, (_, index) => `python-${index}`);
      await Promise.all(names.map((name) => provider.create(request(name), never)));
      expect((await provider.list(never)).map((machine) => machine.name).toSorted()).toEqual(names);
      await Promise.all([
        ...names.slice(0, 4).map((name) => provider.destroy(name, never)),
        provider.create(request("late-1"), never),
        provider.list(never),
      ]);
      expect((await provider.list(never)).map((machine) => machine.name).toSorted()).toEqual([
        "late-1",
        ...names.slice(4),
      ]);
    });

    it("gives up when it is told to, and may be asked again", async () => {
      const provider = open();
      const given = [
        provider.create(request("python-1"), AbortSignal.abort()),
        provider.destroy("python-1", AbortSignal.abort()),
        provider.list(AbortSignal.abort()),
      ];
      for (const result of await Promise.allSettled(given)) {
        expect(result).toMatchObject({ status: "rejected", reason: { code: "provider", retryable: true } });
      }
      await provider.create(request("python-1"), never);
      expect(await provider.list(never)).toHaveLength(1);
    });

    it("throws a ProviderError that says what is wrong, and that trying again will not help", async () => {
      const { settings, host } = kit.wrong();
      const error = await createProvider(settings, { ...host, clock: systemClock })
        .create(request("python-1"), never)
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ProviderError);
      expect(error).toMatchObject({ retryable: false });
    });

    it("refuses a name that could be more than a name", async () => {
      const provider = open();
      for (const name of ["../up", "a/b", "", "A", "a b", "-a"]) {
        await expect(provider.create(request(name), never)).rejects.toMatchObject({
          code: "provider",
          retryable: false,
        });
        await expect(provider.destroy(name, never)).rejects.toMatchObject({ code: "provider", retryable: false });
      }
    });
  });
}

/** Makes a machine from another process, and kills that at the point named. */
async function killCallerAt(task: CreateMachineTask): Promise<void> {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const entry = fileURLToPath(new URL("fixtures/create-machine.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", loader, entry, JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  await Promise.race([
    once(child.stdout, "data"),
    exited.then(() => {
      throw new Error(`the caller ended before ${task.stopAt}`);
    }),
  ]);
  child.kill("SIGKILL");
  await exited;
}

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProviderSettings } from "@windrow/model";
import { systemClock } from "@windrow/service";
import { afterAll, describe, expect, it } from "vitest";
import { createCommandProvider } from "../src/index.ts";
import { describeConformance } from "./conformance.ts";
import { isThere } from "./is-there.ts";
import { waitFor } from "./wait-for.ts";

type CommandSettings = Extract<ProviderSettings, { kind: "command" }>;

const dir = mkdtempSync(join(tmpdir(), "windrow-command-provider-"));
const machines = join(dir, "machines");
mkdirSync(machines);
afterAll(() => rmSync(dir, { recursive: true }));

const script = fileURLToPath(new URL("fixtures/machines.sh", import.meta.url));
const settings: CommandSettings = {
  kind: "command",
  create: ["sh", script, "create", machines],
  destroy: ["sh", script, "destroy", machines],
  list: ["sh", script, "list", machines],
};
const host = { farmId: "farm", dir, environment: { PATH: process.env.PATH ?? "/usr/bin:/bin" } };
const never = new AbortController().signal;
const request = {
  name: "python-1",
  pool: "python",
  url: "http://127.0.0.1:1",
  joinToken: "wrj_secret-of-the-machine",
  slots: 2,
  isEphemeral: true,
};

describeConformance({
  name: "command",
  settings: () => settings,
  host: () => host,
  async endByItself(name) {
    writeFileSync(join(machines, name), `{"name":"${name}","pool":"python","alive":false}`);
  },
  async findLeftovers() {
    // the token of a caller that was killed is swept when it is old
    return [...readdirSync(machines)];
  },
  wrong: () => ({ settings: { ...settings, create: ["/no/such/program"] }, host }),
});

describe("provider command", () => {
  const open = (over: Partial<CommandSettings> = {}) =>
    createCommandProvider({ ...host, settings: { ...settings, ...over }, clock: systemClock });
  const sh = (text: string) => ["sh", "-c", text];

  it("tells the command everything in its environment, and the token in a file of its user alone", async () => {
    const seen = join(dir, "seen");
    const look = `env > ${seen}; cat "$WINDROW_JOIN_TOKEN_FILE" >> ${seen}; stat -c %a "$WINDROW_JOIN_TOKEN_FILE" >> ${seen}`;
    await open({ create: sh(look) }).create(request, never);
    const text = readFileSync(seen, "utf8");
    for (const variable of [
      "WINDROW_FARM=farm",
      "WINDROW_MACHINE_NAME=python-1",
      "WINDROW_POOL=python",
      "WINDROW_URL=http://127.0.0.1:1",
      "WINDROW_SLOTS=2",
      "WINDROW_EPHEMERAL=1",
    ]) {
      expect(text).toContain(`${variable}\n`);
    }
    expect(text).toContain("wrj_secret-of-the-machine\n600\n");
    expect(text.match(/wrj_/g)).toHaveLength(1);
    const tokenFile = /WINDROW_JOIN_TOKEN_FILE=(.+)/.exec(text)?.[1] ?? "";
    expect(() => statSync(tokenFile)).toThrow("ENOENT");
    expect(statSync(dir).mode & 0o077).toBe(0);
  });

  it.each([
    ["exit 1", true, "the pool's create command ended with code 1"],
    ["echo no more room >&2; exit 3", true, "ended with code 3: no more room"],
    ["echo no such region >&2; exit 78", false, "ended with code 78: no such region"],
    ["kill -9 $$", true, "was ended by SIGKILL"],
  ])("%s: retryable %s", async (text, retryable, message) => {
    await expect(open({ create: sh(text) }).create(request, never)).rejects.toMatchObject({
      code: "provider",
      retryable,
      message: expect.stringContaining(message),
    });
  });

  it.each([
    ["echo nothing", "is not JSON"],
    ["echo {}", "is not a JSON array"],
    [`echo '[{"pool":"p"}]'`, "has no name in entry 0"],
    [`echo '[{"name":"a"}]'`, "has no pool in entry 0"],
    [`echo '[{"name":"a","pool":"p","alive":"yes"}]'`, "neither true nor false"],
    [`echo '[{"name":"a","pool":"p"},{"name":"a","pool":"p"}]'`, "twice"],
    ["yes | head -c 2000000", "wrote more than 1048576 bytes"],
  ])("refuses half a list: %s", async (text, message) => {
    await expect(open({ list: sh(text) }).list(never)).rejects.toMatchObject({
      code: "provider",
      message: expect.stringContaining(message),
    });
  });

  it("reads a list as long as the limit whole", async () => {
    const name = "x".repeat(60);
    const list = sh(
      `printf '['; i=0; while [ $i -lt 2000 ]; do printf '{"name":"${name}-%s","pool":"p"},' $i; i=$((i+1)); done; printf '{"name":"last","pool":"p"}]'`,
    );
    expect(await open({ list }).list(never)).toHaveLength(2_001);
  });

  it("ends a command that takes too long, with everything it started", async () => {
    const pidFile = join(dir, "pid");
    const create = sh(`sleep 300 & echo $! > ${pidFile}; wait`);
    await expect(open({ create, timeoutMs: 300 }).create(request, never)).rejects.toMatchObject({
      retryable: true,
      message: "the pool's create command took longer than 0.3 s",
    });
    await waitFor("what it started is gone", () => !isThere(Number(readFileSync(pidFile, "utf8"))));
  });

  it("ends a command when it is told to", async () => {
    const create = sh("exec sleep 300");
    await expect(open({ create }).create(request, AbortSignal.timeout(100))).rejects.toMatchObject({
      retryable: true,
      message: "the pool's create command was given up",
    });
  });

  it("ends also what does not want to end, when the command itself is gone", async () => {
    const pidFile = join(dir, "stubborn");
    const create = sh(`(trap '' TERM; exec sleep 300) & echo $! > ${pidFile}; wait`);
    const stopping = new AbortController();
    const made = open({ create }).create(request, stopping.signal);
    const pid = await waitFor("its process", () => Number(readFileSync(pidFile, "utf8")) || undefined);
    stopping.abort();
    await expect(made).rejects.toThrow("was given up");
    await waitFor("what ignores signals is gone", () => !isThere(pid));
  });

  it("starts no command once it is told to end", async () => {
    const stopping = new AbortController();
    const started = join(dir, "started");
    const made = open({ create: sh(`touch ${started}`) }).create(request, stopping.signal);
    // the token's folder is being made
    stopping.abort();
    await expect(made).rejects.toThrow("was given up");
    expect(existsSync(started)).toBe(false);
  });

  it("does not wait for what a command leaves in the background", async () => {
    const create = sh("sleep 300 & echo $! >&2; exit 1");
    const error: unknown = await open({ create })
      .create(request, never)
      .catch((thrown: unknown) => thrown);
    const message = error instanceof Error ? error.message : "";
    process.kill(Number(/: (\d+)$/.exec(message)?.[1]), "SIGKILL");
  });
});

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findFreePort } from "@windrow/embedded/testing";
import { afterEach, describe, expect, it } from "vitest";
import { identifyProcess } from "../../src/up/process-identity.ts";

interface Line {
  readonly event: string;
  readonly part?: string;
  readonly pid?: number;
  readonly adopted?: boolean;
  readonly message?: string;
}

/** A `windrow up` process on stand-ins for controller and agents; Postgres and nats-server are real. */
class Up {
  readonly process: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly lines: Line[] = [];
  readonly #waiting: { isWanted: (line: Line) => boolean; resolve: (line: Line) => void }[] = [];

  constructor(farm: TestFarm) {
    const fixture = fileURLToPath(new URL("./up-fixture.ts", import.meta.url));
    const args = ["--import", "tsx", fixture, farm.data, ...farm.ports.map(String)];
    this.process = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.exited = once(this.process, "exit").then(([code]) => (typeof code === "number" ? code : null));
    if (this.process.stdout === null) throw new Error("no stdout");
    createInterface({ input: this.process.stdout }).on("line", (text) => {
      const line: Line = JSON.parse(text);
      this.lines.push(line);
      for (const waiter of this.#waiting) if (waiter.isWanted(line)) waiter.resolve(line);
    });
    ups.push(this);
  }

  async line(event: string, part?: string): Promise<Line> {
    const isWanted = (line: Line) => line.event === event && (part === undefined || line.part === part);
    const seen = this.lines.find(isWanted);
    if (seen !== undefined) return seen;
    const wanted = new Promise<Line>((resolve) => this.#waiting.push({ isWanted, resolve }));
    const early = this.exited.then(() => {
      throw new Error(`up ended before "${event}": ${JSON.stringify(this.lines)}`);
    });
    return Promise.race([wanted, early]);
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.process.kill(signal);
    return this.exited;
  }

  pids(): number[] {
    return this.lines.flatMap((line) => (line.event === "started" && line.pid !== undefined ? [line.pid] : []));
  }
}

interface TestFarm {
  readonly data: string;
  readonly ports: readonly number[];
}

const ups: Up[] = [];
const farms: TestFarm[] = [];

async function makeFarm(): Promise<TestFarm> {
  const data = mkdtempSync(join(tmpdir(), "windrow-up-test-"));
  execFileSync("chmod", ["711", data]);
  const farm = { data, ports: [await findFreePort(), await findFreePort(), await findFreePort()] };
  farms.push(farm);
  return farm;
}

function areGone(pids: readonly number[]): boolean {
  return pids.every((pid) => identifyProcess(pid) === undefined);
}

afterEach(async () => {
  for (const up of ups.splice(0)) {
    if (up.process.exitCode === null && up.process.signalCode === null) await up.end("SIGTERM");
    for (const pid of up.pids()) if (identifyProcess(pid) !== undefined) process.kill(pid, "SIGKILL");
  }
  for (const farm of farms.splice(0)) rmSync(farm.data, { recursive: true, force: true });
});

describe("windrow up", () => {
  it("starts every part in order, tells where the farm is, and ends every one at Ctrl-C", async () => {
    const farm = await makeFarm();
    const up = new Up(farm);
    const ready = await up.line("ready");
    expect(ready).toMatchObject({
      url: `http://127.0.0.1:${farm.ports[0]}`,
      token_file: join(farm.data, "admin-token"),
      git_url: `http://127.0.0.1:${farm.ports[0]}/git`,
    });
    const started = up.lines.filter((line) => line.event === "started").map((line) => line.part);
    expect(started.slice(0, 2).sort()).toEqual(["nats", "postgres"]);
    expect(started[2]).toBe("controller");
    expect(started.slice(3).sort()).toEqual(["agent-1", "agent-2"]);
    expect(await up.end("SIGINT")).toBe(0);
    const stopped = up.lines.filter((line) => line.event === "stopped").map((line) => line.part);
    expect(stopped.slice(0, 2).sort()).toEqual(["agent-1", "agent-2"]);
    expect(stopped.slice(2)).toEqual(["controller", "nats", "postgres"]);
    expect(areGone(up.pids())).toBe(true);
    expect(existsSync(join(farm.data, "postgres", "data", "postmaster.pid"))).toBe(false);
  });

  it("refuses a second one on the same data folder, by process id", async () => {
    const farm = await makeFarm();
    const up = new Up(farm);
    await up.line("ready");
    const second = new Up(farm);
    expect((await second.line("error")).message).toContain(`process ${up.process.pid}`);
    expect(await second.exited).toBe(1);
  });

  it("takes over what a killed one left: Postgres and nats-server go on, controller and agents are replaced", async () => {
    const farm = await makeFarm();
    const first = new Up(farm);
    await first.line("ready");
    await first.end("SIGKILL");
    const second = new Up(farm);
    await second.line("ready");
    for (const part of ["controller", "agent-1", "agent-2"]) {
      expect(second.lines).toContainEqual(
        expect.objectContaining({ event: "orphan_ended", part, pid: (await first.line("started", part)).pid }),
      );
    }
    for (const part of ["postgres", "nats"]) {
      const { pid } = await first.line("started", part);
      expect(await second.line("started", part)).toMatchObject({ pid, adopted: true });
    }
    expect(await second.end("SIGTERM")).toBe(0);
    expect(areGone([...first.pids(), ...second.pids()])).toBe(true);
  });

  it("recovers when every process of it was killed at once", async () => {
    const farm = await makeFarm();
    const first = new Up(farm);
    await first.line("ready");
    const killed = first.end("SIGKILL");
    for (const pid of first.pids()) process.kill(pid, "SIGKILL");
    await killed;
    const second = new Up(farm);
    await second.line("ready");
    expect(second.lines.some((line) => line.adopted === true)).toBe(false);
    expect(await second.end("SIGINT")).toBe(0);
  });

  it("starts a part again that ended by itself", async () => {
    const up = new Up(await makeFarm());
    await up.line("ready");
    for (const part of ["agent-1", "controller", "nats", "postgres"]) {
      const { pid } = await up.line("started", part);
      const before = up.lines.length;
      process.kill(pid ?? 0, "SIGKILL");
      await up.line("ended", part);
      await expect
        .poll(() => up.lines.slice(before).some((line) => line.event === "started" && line.part === part), {
          timeout: 15_000,
        })
        .toBe(true);
    }
    expect(await up.end("SIGINT")).toBe(0);
  });

  it("stops in order although nobody reads its output any more", async () => {
    const up = new Up(await makeFarm());
    await up.line("ready");
    up.process.stdout?.destroy();
    expect(await up.end("SIGHUP")).toBe(0);
    expect(areGone(up.pids())).toBe(true);
  });

  it("names number and owner of a port that is taken, and leaves nothing running", async () => {
    const farm = await makeFarm();
    const squatter = createServer().listen(farm.ports[0], "127.0.0.1");
    await once(squatter, "listening");
    try {
      const up = new Up(farm);
      const { message } = await up.line("error");
      expect(message).toMatch(new RegExp(`Port ${farm.ports[0]} for HTTP .* process ${process.pid} `));
      expect(await up.exited).toBe(1);
      expect(areGone(up.pids())).toBe(true);
    } finally {
      squatter.close();
    }
  });
});

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

const LAUNCHER = fileURLToPath(new URL("../bin/windrow-agent", import.meta.url));
const run = promisify(execFile);

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "windrow-launcher-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** A version whose Node is this shell text: it stands for the agent. */
function makeVersion(version: string, agent: string): void {
  const dir = join(base, "versions", version);
  mkdirSync(join(dir, "bin"), { recursive: true });
  copyFileSync(LAUNCHER, join(dir, "windrow-agent"));
  writeFileSync(join(dir, "bin", "node"), `#!/bin/sh\nbase=${base}\necho "${version}" >> $base/started\n${agent}\n`);
  chmodSync(join(dir, "bin", "node"), 0o755);
}

const use = (version: string) => symlinkSync(`versions/${version}`, join(base, "current"));
const started = () => readFileSync(join(base, "started"), "utf8").trim().split("\n");
const program = () => join(base, "current", "windrow-agent");
const env = { PATH: "/usr/bin:/bin" };

async function launch(verb: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const ended = await run(program(), [verb], { env }).catch((error: unknown) => error);
  return { code: 0, stdout: "", stderr: "", ...(typeof ended === "object" ? ended : {}) };
}

const UPGRADE = "ln -sfn versions/2 $base/current; echo 1 > $base/upgrading; exit 85";

test("an agent that made room for another version is followed by that, under the same process", async () => {
  makeVersion("1", UPGRADE);
  makeVersion("2", "rm $base/upgrading $base/upgrading.tried; exit 0");
  use("1");
  expect(await launch("run")).toMatchObject({ code: 0 });
  expect(started()).toEqual(["1", "2"]);
  expect(existsSync(join(base, "upgrading"))).toBe(false);
});

test("a version that ends before the farm has welcomed it gives way to the one before", async () => {
  makeVersion("1", `[ "$(wc -l < $base/started)" -gt 1 ] && exit 7; ${UPGRADE}`);
  makeVersion("2", "exit 1");
  use("1");
  const ended = await launch("run");
  expect(ended).toMatchObject({
    code: 7,
    stderr: expect.stringContaining("2 did not reach the farm: going back to 1"),
  });
  expect(started()).toEqual(["1", "2", "1"]);
  expect(readlinkSync(join(base, "current"))).toBe("versions/1");
});

test("under a service manager it gives way at once, also when it says that starting again is of no use", async () => {
  makeVersion("1", `[ "$(wc -l < $base/started)" -gt 1 ] && exit 7; ${UPGRADE}`);
  makeVersion("2", "exit 78");
  use("1");
  const codes: number[] = [];
  for (let startNo = 1; startNo <= 2; startNo++) codes.push((await launch("exec")).code);
  expect(codes).toEqual([85, 7]);
  expect(started()).toEqual(["1", "2", "1"]);
});

test("under a service manager that was killed with it, it gives way at its second start", async () => {
  makeVersion("1", `[ "$(wc -l < $base/started)" -gt 1 ] && exit 7; ${UPGRADE}`);
  makeVersion("2", "kill -9 $PPID");
  use("1");
  expect(await launch("exec")).toMatchObject({ code: 85 });
  await launch("exec");
  expect(await launch("exec")).toMatchObject({ code: 7 });
  expect(started()).toEqual(["1", "2", "1"]);
});

test("a new version that is ended from outside before the farm has welcomed it stays ended", async () => {
  makeVersion("1", `[ "$(wc -l < $base/started)" -gt 1 ] && exit 7; ${UPGRADE}`);
  makeVersion("2", "kill -TERM $PPID; exec sleep 60");
  use("1");
  await launch("exec");
  expect(await launch("exec")).toMatchObject({ code: 143 });
  expect(started()).toEqual(["1", "2"]);
});

test("settings name variables: a line that holds anything else is left out, and nothing of it runs", async () => {
  makeVersion("1", 'echo "$WINDROW_URL"');
  use("1");
  writeFileSync(join(base, "agent.env"), `A$(touch ${base}/touched)=1\nWINDROW_URL=https://farm\n`);
  expect(await launch("run")).toMatchObject({ code: 0, stdout: "https://farm\n" });
  expect(existsSync(join(base, "touched"))).toBe(false);
});

test("the agent is told what stands in agent.env, and what the environment says wins", async () => {
  makeVersion("1", 'echo "$WINDROW_AGENT_NAME|$WINDROW_AGENT_SLOTS|$WINDROW_AGENT_BUNDLE|$WINDROW_AGENT_JOIN"');
  use("1");
  writeFileSync(
    join(base, "agent.env"),
    "# for people\nWINDROW_AGENT_NAME=a b $(touch x)\nWINDROW_AGENT_SLOTS=2\nnonsense",
  );
  const { stdout } = await run(program(), ["join"], { env: { ...env, WINDROW_AGENT_SLOTS: "3" } });
  expect(stdout).toBe(`a b $(touch x)|3|${join(base, "versions", "1")}|only\n`);
  expect(await launch("walk")).toMatchObject({ code: 78, stderr: expect.stringContaining("what is 'walk'?") });
});

test("a signal reaches the agent, whose end is the launcher's", async () => {
  makeVersion("1", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done");
  use("1");
  const child = spawn(program(), ["run"], { env, stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([9, null]);
});

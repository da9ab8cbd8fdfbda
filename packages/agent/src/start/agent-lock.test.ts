import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lockAgentFolder } from "./agent-lock.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windrow-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A process that takes the folder as soon as it is told to, says how that went, and stays until it is ended. */
function startTaker() {
  const lock = fileURLToPath(new URL("./agent-lock.ts", import.meta.url));
  const script = `import { lockAgentFolder } from ${JSON.stringify(lock)};
    process.stdout.write("here;");
    process.stdin.once("data", () => {
      try { lockAgentFolder(${JSON.stringify(folder)}); process.stdout.write("taken"); }
      catch (error) { process.stdout.write(error.code); }
    });`;
  const words = ["--import", "tsx", "--input-type=module", "-e", script];
  const child = spawn(process.execPath, words, { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (piece: Buffer) => {
    said += piece.toString();
  });
  const says = async (word: RegExp) => {
    while (!word.test(said)) await once(child.stdout, "data");
    return said.split(";")[1];
  };
  return { child, says };
}

it("gives a folder to one of two agents that start together, also when a dead one left its lock", async () => {
  writeFileSync(join(folder, "agent.pid"), "4194999 1\n");
  const takers = [startTaker(), startTaker(), startTaker()];
  try {
    await Promise.all(takers.map((taker) => taker.says(/here;/)));
    for (const { child } of takers) child.stdin.write("go");
    const said = await Promise.all(takers.map((taker) => taker.says(/;./)));
    expect(said.filter((word) => word === "taken")).toHaveLength(1);
    expect(said.filter((word) => word === "config")).toHaveLength(2);
    const winner = takers[said.indexOf("taken")];
    expect(readFileSync(join(folder, "agent.pid"), "utf8")).toMatch(new RegExp(`^${winner?.child.pid} `));
    expect(readdirSync(folder)).toEqual(["agent.pid"]);
    expect(() => lockAgentFolder(folder)).toThrow(/another agent/);
  } finally {
    for (const { child } of takers) child.kill("SIGKILL");
  }
  await Promise.all(takers.map(({ child }) => child.exitCode ?? child.signalCode ?? once(child, "exit")));
  lockAgentFolder(folder);
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";

test("a process of the farm gets every signal once, even when all of our group got it, and its exit code becomes ours", async () => {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const runner = spawn(
    process.execPath,
    ["--import", loader, fileURLToPath(new URL("./child-runner.ts", import.meta.url))],
    {
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    },
  );
  const { pid } = runner;
  if (pid === undefined) throw new Error("the runner did not start");
  const lines: string[] = [];
  for await (const line of createInterface({ input: runner.stdout })) {
    lines.push(line);
    // as a terminal does at Ctrl-C: to the whole group
    if (line === "ready here") process.kill(-pid, "SIGINT");
    if (line === "got SIGINT") process.kill(pid, "SIGTERM");
  }
  const code = runner.exitCode ?? (await once(runner, "exit"))[0];
  expect(lines).toEqual(["ready here", "got SIGINT", "got SIGTERM"]);
  expect(code).toBe(7);
});

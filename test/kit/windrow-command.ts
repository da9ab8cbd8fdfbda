import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Farm } from "./farm.ts";

export interface CommandEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly out: Buffer;
  readonly err: string;
}

export interface RunningCommand {
  readonly ended: Promise<CommandEnd>;
  /** What it wrote to stdout so far. */
  out(): Buffer;
  signal(name: NodeJS.Signals): void;
}

const MAIN = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));

/** Starts the real `windrow` as a process of its own, with the farm's controllers and the admin's token. */
export function startWindrow(farm: Farm, args: readonly string[], options: { readonly cwd: string }): RunningCommand {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const child = spawn(process.execPath, ["--import", loader, MAIN, ...args], {
    cwd: options.cwd,
    env: {
      PATH: process.env.PATH,
      HOME: options.cwd,
      WINDROW_URL: farm.controllers.map((controller) => controller.url).join(","),
      WINDROW_TOKEN: farm.adminToken,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => out.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => err.push(bytes));
  const ended = new Promise<CommandEnd>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out: Buffer.concat(out), err: Buffer.concat(err).toString("utf8") }));
  });
  return { ended, out: () => Buffer.concat(out), signal: (name) => child.kill(name) };
}

/** Runs `windrow` to its end. */
export function runWindrow(
  farm: Farm,
  args: readonly string[],
  options: { readonly cwd: string },
): Promise<CommandEnd> {
  return startWindrow(farm, args, options).ended;
}

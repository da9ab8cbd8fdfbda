import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { NODE_FLAGS } from "@windrow/service";
import { EXIT } from "../exit-codes.ts";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
/** How the farm's processes say that no restart helps (EX_CONFIG); for people it is a wrong configuration like any other. */
const EXIT_CONFIG = 78;

export interface RunChildOptions {
  /** The module that is the process, for example `@windrow/agent/main`. */
  readonly entry: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Runs a process of the farm in the foreground: it writes to our terminal, every signal we get reaches it exactly once
 * (it stands in a process group of its own, so that Ctrl-C does not reach it twice), and its exit code is ours (but for a wrong configuration, which has
 * one code in the whole command line).
 */
export async function runChild(options: RunChildOptions): Promise<number> {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const entry = fileURLToPath(import.meta.resolve(options.entry));
  const child = spawn(process.execPath, [...NODE_FLAGS, "--import", loader, entry], {
    env: { ...options.environment },
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of FORWARDED) process.on(signal, forward);
  try {
    const [code, signal]: [number | null, NodeJS.Signals | null] = await new Promise((resolve, reject) => {
      child.once("error", reject);
      void once(child, "exit").then(([exitCode, signalName]) => resolve([exitCode, signalName]), reject);
    });
    if (code === EXIT_CONFIG) return EXIT.usage;
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  } finally {
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}

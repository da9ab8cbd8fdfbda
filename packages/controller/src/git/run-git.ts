import { spawn } from "node:child_process";
import { once } from "node:events";
import type { GitEnvironment } from "./git-environment.ts";

const OUTPUT_BYTES_MAX = 2 * 1024 * 1024;
const GIT_TIMEOUT_MS = 10_000;

/** What one git command on a repository prints; undefined when it fails, takes too long or prints too much. */
export async function runGit(options: {
  readonly environment: GitEnvironment;
  readonly folder: string;
  readonly argv: readonly string[];
  /** For its standard input. */
  readonly input?: string;
}): Promise<string | undefined> {
  const child = spawn("git", ["--git-dir", options.folder, ...options.argv], {
    env: options.environment.env,
    cwd: "/",
    stdio: ["pipe", "pipe", "ignore"],
    timeout: GIT_TIMEOUT_MS,
  });
  // it may end before it has read everything: its exit code tells
  child.stdin.on("error", () => child.stdin.destroy());
  child.stdin.end(options.input ?? "");
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= OUTPUT_BYTES_MAX) chunks.push(chunk);
  });
  const [code] = await once(child, "close");
  return code === 0 && size <= OUTPUT_BYTES_MAX ? Buffer.concat(chunks).toString("utf8") : undefined;
}

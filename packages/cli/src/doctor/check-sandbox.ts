import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Check } from "@windrow/contract";

const run = promisify(execFile);
const ANSWER_WAIT_MS = 5_000;
/** Namespaces of its own for everything, and nothing to see but programs: what a sandboxed step gets. */
const PROBE = ["--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/", "/", "--tmpfs", "/tmp", "true"];

/** Whether bubblewrap can make a sandbox on this machine. */
export async function checkSandbox(command = "bwrap"): Promise<Check> {
  const name = "sandbox";
  try {
    await run(command, PROBE, { timeout: ANSWER_WAIT_MS });
    return { name, state: "ok", detail: "bubblewrap works" };
  } catch (error) {
    if (isMissing(error)) {
      const detail = "bubblewrap is not installed: jobs on an agent here are kept apart by users only";
      return { name, state: "warning", detail, hint: "On machines for strangers' work: apt-get install bubblewrap" };
    }
    return {
      ...{ name, state: "warning", detail: `bubblewrap is installed and does not work: ${firstLine(error)}` },
      hint: "Allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, or an AppArmor profile)",
    };
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function firstLine(error: unknown): string {
  const text = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
  return text.trim().split("\n")[0] ?? "";
}

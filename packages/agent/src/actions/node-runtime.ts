import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { SlotUser } from "@windrow/backends";
import { hasCode } from "@windrow/service";
import { runProgram } from "../start/run-program.ts";
import type { NodeRuntime } from "./action-port.ts";

export interface NodeRuntimeOptions {
  /** Where programs of the agent stand that jobs run; every job's user can walk through it. */
  readonly runtimesDir: string;
  /** The agent's own Node. */
  readonly nodePath: string;
  /** For example `v24.1.0`. */
  readonly nodeVersion: string;
  readonly machineEnv: { readonly [name: string]: string };
}

/** Names that the documentation knows, oldest first. */
const USING = /^node(12|16|20|24)$/;
const RETIRED = new Set(["12", "16"]);

/**
 * Finds a Node for JavaScript actions: the agent's own serves all of them. Where a job's user cannot execute it, it is
 * linked or copied to a folder of the agent that it can.
 */
export function createNodeRuntime(options: NodeRuntimeOptions) {
  const found = new Map<string, Promise<string | undefined>>();

  function pathFor(user: SlotUser | undefined): Promise<string | undefined> {
    const key = user?.name ?? "";
    const path = found.get(key) ?? findFor(user);
    found.set(key, path);
    path.catch(() => found.delete(key));
    return path;
  }

  async function findFor(user: SlotUser | undefined): Promise<string | undefined> {
    const runner = { env: options.machineEnv, user };
    if ((await runProgram([options.nodePath, "--version"], runner)) !== undefined) return options.nodePath;
    const own = putBeside(options);
    return (await runProgram([own, "--version"], runner)) === undefined ? undefined : own;
  }

  return async (using: string, user: SlotUser | undefined): Promise<NodeRuntime> => {
    const major = USING.exec(using)?.[1];
    if (major === undefined) {
      return { kind: "problem", why: `'${using}' is not a runtime of actions; node20 and node24 are` };
    }
    const path = await pathFor(user);
    if (path === undefined) {
      return {
        kind: "problem",
        why: `the agent's Node (${options.nodePath}) cannot be executed by the user of this job`,
      };
    }
    if (!RETIRED.has(major)) return { kind: "found", path };
    return {
      kind: "found",
      path,
      warning: `This action asks for ${using}, which is out of support; it runs on Node ${options.nodeVersion} here.`,
    };
  };
}

function putBeside({ runtimesDir, nodePath, nodeVersion }: NodeRuntimeOptions): string {
  const path = join(runtimesDir, `node-${nodeVersion}`);
  if (existsSync(path)) return path;
  mkdirSync(runtimesDir, { recursive: true });
  const draft = `${path}.${process.pid}`;
  rmSync(draft, { force: true });
  if (!isLinked(nodePath, draft)) {
    copyFileSync(nodePath, draft);
    chmodSync(draft, 0o755);
  }
  renameSync(draft, path);
  return path;
}

/** A link has the mode of the program itself, and stands on the same disk. */
function isLinked(nodePath: string, draft: string): boolean {
  if ((statSync(nodePath).mode & 0o005) !== 0o005) return false;
  try {
    linkSync(nodePath, draft);
    return true;
  } catch (error) {
    if (hasCode(error, "EXDEV", "EPERM", "EMLINK", "ENOTSUP")) return false;
    throw error;
  }
}

import { join } from "node:path";
import type { SlotUser } from "@windrow/backends";
import type { Clock } from "@windrow/service";
import { parseAction } from "@windrow/workflow";
import type { CacheStore } from "../disk/keep-room.ts";
import type { HeldAttempt } from "../leases/held-attempt.ts";
import type { Connection } from "../session/connection.ts";
import type { AgentFolders } from "../start/agent-folders.ts";
import { isBuiltIn, prepareBuiltIn } from "../toolchains/built-ins.ts";
import { createNpmRegistry } from "../toolchains/npm-registry.ts";
import { createToolCache, prepareToolCache } from "../toolchains/tool-cache.ts";
import { createActionCache, prepareActionCache } from "./action-cache.ts";
import type { ActionPort } from "./action-port.ts";
import { createNodeRuntime } from "./node-runtime.ts";
import { createOpenAction } from "./open-action.ts";

export interface AgentActionsOptions {
  readonly connection: Connection;
  readonly folders: AgentFolders;
  readonly machineEnv: { readonly [name: string]: string };
  readonly npmRegistryUrl: string;
  /** Tools that came with the machine, laid out as in a tool cache. */
  readonly toolCacheDirs: readonly string[];
  readonly clock: Clock;
}

export interface ActionJob {
  readonly attempt: Pick<HeldAttempt, "attemptId" | "leaseId">;
  readonly user: SlotUser | undefined;
}

export interface AgentActions {
  /** How a job comes to its own. */
  readonly open: (job: ActionJob) => ActionPort;
  readonly stores: readonly CacheStore[];
}

/** Prepares the agent's folders of actions and tools. */
export async function createAgentActions(options: AgentActionsOptions): Promise<AgentActions> {
  const { connection, folders, machineEnv, clock } = options;
  await prepareActionCache(folders.actionsDir);
  prepareToolCache(folders.toolsDir);
  const cache = createActionCache({ dir: folders.actionsDir, workRootDir: folders.workRootDir, clock });
  const tools = createToolCache({
    dir: folders.toolsDir,
    readOnlyDirs: options.toolCacheDirs,
    workRootDir: folders.workRootDir,
    nowMs: () => clock.nowMs(),
  });
  const sources = {
    registry: createNpmRegistry(options.npmRegistryUrl),
    nowMs: () => clock.nowMs(),
  };
  const nodeRuntime = createNodeRuntime({
    runtimesDir: folders.runtimesDir,
    nodePath: process.execPath,
    nodeVersion: process.version,
    machineEnv,
  });

  const open = ({ attempt, user }: ActionJob): ActionPort => {
    const { attemptId, leaseId } = attempt;
    const attemptDir = join(folders.workRootDir, attemptId);
    return {
      open: createOpenAction({
        connection,
        lease: { attemptId, leaseId },
        cache,
        attemptDir,
        parse: parseAction,
      }),
      isBuiltIn,
      prepareBuiltIn(request) {
        // without a PATH no tool of the machine's own is found
        const env = request.isInContainer === true ? { ...machineEnv, PATH: "/nonexistent" } : machineEnv;
        return prepareBuiltIn(request, { ...sources, cache: tools.forAttempt(attemptDir) }, { env, user });
      },
      nodeRuntime: (using) => nodeRuntime(using, user),
    };
  };
  return {
    open,
    stores: [
      { name: "tools", bytes: tools.bytes, drop: tools.drop },
      { name: "actions", bytes: cache.bytes, drop: cache.drop },
    ],
  };
}

import { join } from "node:path";
import type { SlotUser } from "@windrow/backends";
import type { Clock } from "@windrow/service";
import { parseAction } from "@windrow/workflow";
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

/** Prepares the agent's folders of actions and tools, and answers how a job comes to its own. */
export async function createAgentActions(options: AgentActionsOptions): Promise<(job: ActionJob) => ActionPort> {
  const { connection, folders, machineEnv, clock } = options;
  await prepareActionCache(folders.actionsDir);
  prepareToolCache(folders.toolsDir);
  const cache = createActionCache({ dir: folders.actionsDir, workRootDir: folders.workRootDir, clock });
  const sources = {
    cache: createToolCache({
      dir: folders.toolsDir,
      readOnlyDirs: options.toolCacheDirs,
      nowMs: () => clock.nowMs(),
    }),
    registry: createNpmRegistry(options.npmRegistryUrl),
    nowMs: () => clock.nowMs(),
  };
  const nodeRuntime = createNodeRuntime({
    runtimesDir: folders.runtimesDir,
    nodePath: process.execPath,
    nodeVersion: process.version,
    machineEnv,
  });

  return ({ attempt, user }) => {
    const { attemptId, leaseId } = attempt;
    return {
      open: createOpenAction({
        connection,
        lease: { attemptId, leaseId },
        cache,
        attemptDir: join(folders.workRootDir, attemptId),
        parse: parseAction,
      }),
      isBuiltIn,
      prepareBuiltIn: (request) => prepareBuiltIn(request, sources, { env: machineEnv, user }),
      nodeRuntime: (using) => nodeRuntime(using, user),
    };
  };
}

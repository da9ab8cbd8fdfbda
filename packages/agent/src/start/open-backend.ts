import {
  createHostBackend,
  createSandboxBackend,
  findSandbox,
  type SlotUser,
  type StepBackend,
} from "@windrow/backends";
import type { AgentConfig } from "../config.ts";
import type { AgentFolders } from "./agent-folders.ts";
import { ConfigError } from "./config-error.ts";

/** How steps run here. Throws ConfigError for a sandbox that this machine cannot make. */
export async function openBackend(
  config: Pick<AgentConfig, "backend" | "toolCacheDirs" | "readableDirs">,
  folders: Pick<AgentFolders, "actionsDir" | "toolsDir" | "runtimesDir">,
  user: SlotUser | undefined,
): Promise<StepBackend> {
  if (config.backend === "host") return createHostBackend();
  const found = await findSandbox(user);
  if ("problem" in found) throw new ConfigError(`jobs cannot be put into a sandbox: ${found.problem}`);
  const { actionsDir, toolsDir, runtimesDir } = folders;
  return createSandboxBackend({
    bwrap: found.bwrap,
    network: "machine",
    // actions that need no Node of their own run with the agent's
    readable: [process.execPath, actionsDir, toolsDir, runtimesDir, ...config.toolCacheDirs, ...config.readableDirs],
  });
}

import { dirname, join } from "node:path";
import { createHostBackend, findSandbox, type SlotUser, type StepBackend } from "@windrow/backends";
import type { AgentConfig } from "../config.ts";
import { writeHostsFile } from "../network/write-hosts-file.ts";
import type { AgentFolders } from "./agent-folders.ts";
import { ConfigError } from "./config-error.ts";

export interface OpenedBackend {
  /** For jobs on the machine and in the sandbox alike. */
  readonly backend: StepBackend;
  /** Why no job can be put into a sandbox here. */
  readonly sandboxProblem: string | undefined;
}

/** How steps run here. Throws ConfigError when the agent itself was told to use a sandbox that this machine cannot make. */
export async function openBackend(
  config: Pick<AgentConfig, "backend" | "toolCacheDirs" | "readableDirs">,
  folders: Pick<AgentFolders, "actionsDir" | "toolsDir" | "runtimesDir" | "mirrorsDir">,
  user: SlotUser | undefined,
): Promise<OpenedBackend> {
  const found = await findSandbox(user);
  if ("problem" in found) {
    if (config.backend === "sandbox") throw new ConfigError(`jobs cannot be put into a sandbox: ${found.problem}`);
    return { backend: createHostBackend(), sandboxProblem: found.problem };
  }
  const { actionsDir, toolsDir, runtimesDir, mirrorsDir } = folders;
  // beside the other folders that jobs read
  const hostsFile = join(dirname(actionsDir), "hosts");
  writeHostsFile(hostsFile);
  const sandbox = {
    hostsFile,
    bwrap: found.bwrap,
    network: "machine" as const,
    // actions that need no Node of their own run with the agent's
    readable: [
      process.execPath,
      actionsDir,
      toolsDir,
      runtimesDir,
      mirrorsDir,
      ...config.toolCacheDirs,
      ...config.readableDirs,
    ],
  };
  return { backend: createHostBackend({ sandbox, confinement: config.backend }), sandboxProblem: undefined };
}

import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { NODE_FLAGS } from "@windrow/service";

/** The words that start one of the farm's processes, for example `@windrow/agent/main`, from any folder. */
export function nodeCommand(entry: string): string[] {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const file = fileURLToPath(entry.startsWith("file:") ? entry : import.meta.resolve(entry));
  return [process.execPath, ...NODE_FLAGS, "--import", loader, file];
}

/** As a controller is told it, for agents that it runs as processes of its own machine. */
export function agentCommandVariable(entry = "@windrow/agent/main"): {
  readonly WINDROW_MACHINES_AGENT_COMMAND: string;
} {
  return { WINDROW_MACHINES_AGENT_COMMAND: JSON.stringify(nodeCommand(entry)) };
}

import type { BuiltInAnswer, BuiltInRequest } from "../actions/action-port.ts";
import type { ToolRunner } from "./machine-tools.ts";
import { setupGo } from "./setup-go.ts";
import { setupJava } from "./setup-java.ts";
import { setupNode } from "./setup-node.ts";
import { setupPython } from "./setup-python.ts";
import type { SetupTool, ToolSources } from "./setup-tool.ts";

/** Actions that the agent does by itself, by their repository in lower case. */
const BUILT_INS: ReadonlyMap<string, SetupTool> = new Map([
  ["actions/setup-go", setupGo],
  ["actions/setup-java", setupJava],
  ["actions/setup-node", setupNode],
  ["actions/setup-python", setupPython],
]);

export const isBuiltIn = (repository: string): boolean => BUILT_INS.has(repository.toLowerCase());

/** Does one built-in action as far as the agent does it; the rest is a process of the job's user. */
export function prepareBuiltIn(
  request: BuiltInRequest,
  sources: ToolSources,
  runner: ToolRunner,
): Promise<BuiltInAnswer> {
  const setup = BUILT_INS.get(request.repository.toLowerCase());
  if (setup === undefined) throw new Error(`${request.repository} is not built in`);
  return setup(request, sources, runner);
}

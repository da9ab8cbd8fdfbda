import { createContext, Script } from "node:vm";
import { hasCode } from "@windrow/service";

const script = new Script("work()");

/**
 * Runs a computation that a job may have made endless, such as a regular expression of its own. False: it was ended after
 * `timeoutMs`. Nothing else of the agent goes on meanwhile.
 */
export function runBounded(work: () => void, timeoutMs: number): boolean {
  try {
    script.runInContext(createContext({ work }), { timeout: timeoutMs });
    return true;
  } catch (error) {
    if (hasCode(error, "ERR_SCRIPT_EXECUTION_TIMEOUT")) return false;
    throw error;
  }
}

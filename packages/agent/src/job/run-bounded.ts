import { createContext, Script } from "node:vm";

const TIMED_OUT = "ERR_SCRIPT_EXECUTION_TIMEOUT";
const script = new Script("work()");
/** One for all: making one takes longer than most of what is done in it. */
const context = createContext({ work: undefined });

/**
 * Runs a computation that a job may have made endless, such as a regular expression of its own. False: it was ended after
 * `timeoutMs`. Nothing else of the agent goes on meanwhile.
 */
export function runBounded(work: () => void, timeoutMs: number): boolean {
  context.work = work;
  try {
    script.runInContext(context, { timeout: timeoutMs });
    return true;
  } catch (error) {
    // It comes from the other context: not an Error of this one.
    if (typeof error === "object" && error !== null && Reflect.get(error, "code") === TIMED_OUT) return false;
    throw error;
  } finally {
    context.work = undefined;
  }
}

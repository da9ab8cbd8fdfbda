/** Variables that describe the job and the agent, and the one with which a step would load code into every later one's Node. */
const PROTECTED = /^(?:(?:GITHUB|RUNNER|WINDROW)_|NODE_OPTIONS$)/i;

/** Whether a step may set a variable of this name for later steps, by file or by command. */
export function isSettable(name: string): boolean {
  return !PROTECTED.test(name);
}

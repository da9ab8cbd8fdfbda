import { type AttemptMemory, partKey } from "../journal/attempt-memory.ts";
import type { PostRecord, StepResult } from "../journal/journal-records.ts";

/** What all steps of a job may leave for later ones, together: the agent keeps it in memory and in its journal. */
export const JOB_KEPT_BYTES_MAX = 64 * 1024 * 1024;
/** Names among it. Every expression sees all of them: hundreds of thousands would hold up the other jobs of the agent. */
export const JOB_KEPT_NAMES_MAX = 10_000;

export const TOO_MUCH_LEFT = `the steps of this job leave more for later ones than ${JOB_KEPT_NAMES_MAX} outputs and variables of ${JOB_KEPT_BYTES_MAX} bytes`;

/** What a step, or a part of one, leaves behind. */
export type Left = Partial<Pick<StepResult, "outputs" | "env" | "paths" | "posts">> & {
  readonly state?: { readonly [name: string]: string };
};

/** Counts what the steps of one job leave. */
export interface KeptBytes {
  /** False when it is too much with this, which is then not to be kept. */
  add(left: Left): boolean;
}

/** Begins with what an earlier process of the agent has kept. */
export function countKeptBytes(
  { stepsEnded, parts }: Pick<AttemptMemory, "stepsEnded" | "parts">,
  bytesMax: number = JOB_KEPT_BYTES_MAX,
): KeptBytes {
  let bytes = 0;
  let namesCount = 0;
  /** A variable that is set again takes the place of the one before. */
  const variables = new Set<string>();
  const add = (left: Left): boolean => {
    const { outputs = {}, env = [], paths = [], state = {} } = left;
    const moreBytes = countBytes(left);
    const moreNames = Object.keys(outputs).length + Object.keys(state).length + paths.length;
    const fresh = new Set(env.map(([name]) => name).filter((name) => !variables.has(name)));
    const isTooMuch = namesCount + moreNames + variables.size + fresh.size > JOB_KEPT_NAMES_MAX;
    if (isTooMuch || bytes + moreBytes > bytesMax) return false;
    bytes += moreBytes;
    namesCount += moreNames;
    for (const name of fresh) variables.add(name);
    return true;
  };
  // What contains parts says again what these left.
  for (const { result } of parts.values())
    if (result !== undefined && result.innerPartsCount === undefined) add(toLeft(result));
  for (const [stepNo, result] of stepsEnded) if (!parts.has(partKey(stepNo, 1))) add(toLeft(result));
  return { add };
}

function toLeft({ outputs, env, paths, posts, state }: StepResult): Left {
  return { outputs, env, paths, ...(posts && { posts }), state: Object.assign({}, ...Object.values(state ?? {})) };
}

function countBytes({ outputs = {}, env = [], paths = [], posts = [], state = {} }: Left): number {
  const pairs = [...Object.entries(outputs), ...Object.entries(state), ...env, ...posts.flatMap(envOf)];
  const ofPairs = pairs.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  return paths.reduce((sum, path) => sum + Buffer.byteLength(path), ofPairs);
}

const envOf = ({ env }: PostRecord) => env;

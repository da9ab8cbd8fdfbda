import { type AttemptMemory, partKey } from "../journal/attempt-memory.ts";
import type { PostRecord, StepResult } from "../journal/journal-records.ts";

/** What all steps of a job may leave for later ones, together: the agent keeps it in memory and in its journal. */
export const JOB_KEPT_BYTES_MAX = 64 * 1024 * 1024;

/** What a step, or a part of one, leaves behind. */
export type Left = Partial<Pick<StepResult, "outputs" | "env" | "paths" | "posts">> & {
  readonly state?: { readonly [name: string]: string };
};

/** Counts what the steps of one job leave. */
export interface KeptBytes {
  /** False when the job has left too much with this. */
  add(left: Left): boolean;
}

/** Begins with what an earlier process of the agent has kept. */
export function countKeptBytes(
  { stepsEnded, parts }: Pick<AttemptMemory, "stepsEnded" | "parts">,
  bytesMax: number = JOB_KEPT_BYTES_MAX,
): KeptBytes {
  let bytes = 0;
  const add = (left: Left): boolean => {
    bytes += countBytes(left);
    return bytes <= bytesMax;
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

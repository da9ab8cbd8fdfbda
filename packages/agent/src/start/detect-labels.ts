import { arch, hostname } from "node:os";
import type { Toolchain } from "@windrow/model";
import { LABEL_CHARS_MAX, LABELS_MAX } from "@windrow/wire";
import { detectToolchains, labelsOfTool, type Runner, toToolchains } from "./detect-toolchains.ts";

const LABEL = /^[A-Za-z0-9][A-Za-z0-9._:+=/-]*$/;

/** What an agent tells the farm of its machine. */
export interface DetectedLabels {
  readonly labels: readonly string[];
  readonly toolchains: readonly Toolchain[];
  /** Labels that are not told: no labels, or more than the farm takes. */
  readonly cut: readonly string[];
}

/**
 * What the machine is, what was configured, which languages it has, then their versions: in this order, so that the
 * versions are the first to go where there are more labels than the farm takes. No label twice.
 */
export async function detectLabels(
  options: Runner & {
    readonly configured: readonly string[];
  },
): Promise<DetectedLabels> {
  const tools = await detectToolchains(options);
  const all = [
    ...["self-hosted", "linux", arch(), hostname()],
    ...options.configured,
    ...tools.map(({ name }) => name),
    ...tools.flatMap(labelsOfTool),
  ].map((label) => label.slice(0, LABEL_CHARS_MAX));
  const valid = [...new Set(all.filter((label) => LABEL.test(label)))];
  return {
    labels: valid.slice(0, LABELS_MAX),
    toolchains: toToolchains(tools),
    cut: [...all.filter((label) => !LABEL.test(label)), ...valid.slice(LABELS_MAX)],
  };
}

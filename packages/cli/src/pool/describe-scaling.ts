import type { Pool } from "@windrow/contract";

/** `0..6`, `0..6 +1 warm`, or `-` where nobody but people starts agents. */
export function describeScaling(scaling: Pool["scaling"]): string {
  if (scaling === null) return "-";
  return `${scaling.min}..${scaling.max}${scaling.warm_min === 0 ? "" : ` +${scaling.warm_min} warm`}`;
}

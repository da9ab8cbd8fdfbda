import type { Conclusion } from "@windrow/model";

/** What the process's exit code says; scripts rely on these numbers. */
export const EXIT = {
  ok: 0,
  /** The run failed, or something went wrong. */
  failed: 1,
  cancelled: 2,
  /** Wrong usage or configuration. */
  usage: 3,
  notAllowed: 4,
  notFound: 5,
  timedOut: 6,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const CONCLUSION_EXITS: Record<Conclusion, ExitCode> = {
  success: EXIT.ok,
  skipped: EXIT.ok,
  failure: EXIT.failed,
  cancelled: EXIT.cancelled,
};

/** The exit code of a command that waited for a run. */
export function exitCodeOfConclusion(conclusion: Conclusion): ExitCode {
  return CONCLUSION_EXITS[conclusion];
}

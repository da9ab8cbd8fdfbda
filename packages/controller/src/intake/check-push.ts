import { Refusal } from "@windrow/model";
import type { RefUpdate } from "@windrow/store";

/** A terminal waits at most this long for its runs. */
export const PUSH_WAIT_MS_MAX = 6 * 3600 * 1000;
export const REF_BYTES_MAX = 255;
const TRY_REF_PATTERN = /^refs\/windrow\/try\/[A-Za-z0-9-]{1,64}$/;

/** What `git push -o …` may ask. */
export interface PushOptions {
  /** Show the run's progress until its end, or for that long (`wait=SECONDS`). */
  readonly waitMs?: number;
  /** Build nothing. */
  readonly skip: boolean;
  /** Path of the one workflow that `windrow try` asks for. */
  readonly tryWorkflow?: string;
  /** Branch that a try stands for. */
  readonly tryBranch?: string;
  readonly unknown: readonly string[];
}

export const isDeletion = (update: RefUpdate): boolean => /^0+$/.test(update.afterSha);
export const isCreation = (update: RefUpdate): boolean => /^0+$/.test(update.beforeSha);
export const isTryRef = (ref: string): boolean => TRY_REF_PATTERN.test(ref);

/** Throws a Refusal for a ref update that the farm cannot keep; git then makes none of the push. */
export function requireLegalUpdates(updates: readonly RefUpdate[]): void {
  for (const { ref } of updates) {
    const length = Buffer.byteLength(ref);
    if (length > REF_BYTES_MAX) {
      throw new Refusal("invalid", `the name of the branch or tag is too long: ${length} bytes with its prefix`, {
        hint: `the limit is ${REF_BYTES_MAX} bytes (refs/heads/ included); push it under a shorter name`,
      });
    }
    if (ref.startsWith("refs/windrow/") && !isTryRef(ref)) {
      throw new Refusal("not_allowed", `${ref} is one of the farm's own refs`, {
        hint: "push to refs/heads/… or refs/tags/…",
      });
    }
  }
}

const WAIT_VALUE = /^(|true|false|[1-9]\d{0,4})$/;

function readWait(value: string): number | undefined {
  if (value === "false") return undefined;
  return Number(value) > 0 ? Math.min(Number(value) * 1000, PUSH_WAIT_MS_MAX) : PUSH_WAIT_MS_MAX;
}

export function readPushOptions(options: readonly string[]): PushOptions {
  let waitMs: number | undefined;
  let skip = false;
  let tryWorkflow: string | undefined;
  let tryBranch: string | undefined;
  const unknown: string[] = [];
  for (const option of options) {
    const [, name = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(option) ?? [];
    if (name === "wait" && WAIT_VALUE.test(value)) waitMs = readWait(value);
    else if (name === "skip" || option === "ci.skip") skip = true;
    else if (name === "try") tryWorkflow = value;
    else if (name === "try-ref") tryBranch = value.replace(/^refs\/heads\//, "");
    else unknown.push(option.slice(0, 100));
  }
  return {
    ...(waitMs === undefined ? {} : { waitMs }),
    skip,
    ...(tryWorkflow ? { tryWorkflow } : {}),
    ...(tryBranch ? { tryBranch } : {}),
    unknown,
  };
}

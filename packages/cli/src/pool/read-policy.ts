import type { ChangeScalingPolicy } from "@windrow/contract";
import { usageError } from "../cli-error.ts";
import { duration, wholeNumber } from "./read-numbers.ts";

/** Options of a scaling policy, as `scale` and `simulate` take them. */
export interface PolicyOptions {
  readonly min?: string;
  readonly max?: string;
  readonly warm?: string;
  readonly idle?: string;
  readonly targetWait?: string;
  readonly targetPercent?: string;
  readonly ephemeral?: boolean;
  readonly window?: readonly string[];
}

type Window = NonNullable<ChangeScalingPolicy["windows"]>[number];

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WINDOW_EXAMPLE = "For example: --window 'mon-fri 08:00-18:00 Europe/Berlin min=2 warm=1'";

/** Options → the fields of a policy that are to change. Errors: CliError `usage`. */
export function readPolicy(options: PolicyOptions): ChangeScalingPolicy {
  const { min, max, warm, idle, targetWait, targetPercent, ephemeral, window } = options;
  return {
    ...(min === undefined ? {} : { min: wholeNumber("--min", min) }),
    ...(max === undefined ? {} : { max: wholeNumber("--max", max) }),
    ...(warm === undefined ? {} : { warm_min: wholeNumber("--warm", warm) }),
    ...(idle === undefined ? {} : { idle_ms: duration("--idle", idle) }),
    ...(targetWait === undefined ? {} : { target_wait_ms: duration("--target-wait", targetWait) }),
    ...(targetPercent === undefined ? {} : { target_percent: percent(targetPercent) }),
    ...(ephemeral === undefined ? {} : { is_ephemeral: ephemeral }),
    ...(window === undefined ? {} : { windows: window.filter((text) => text !== "none").map(readWindow) }),
  };
}

function percent(text: string): number {
  const value = Number(text);
  if (!/^\d{1,3}(\.\d{1,3})?$/.test(text) || value < 1 || value > 100) {
    throw usageError("--target-percent takes a number from 1 to 100");
  }
  return value;
}

/** `mon-fri 08:00-18:00 Europe/Berlin min=2`: days, hours, the time zone (UTC without), and what is other then. */
export function readWindow(text: string): Window {
  const wrong = (what: string) => usageError(`--window ${JSON.stringify(text)}: ${what}`, WINDOW_EXAMPLE);
  const [days = "", hours = "", ...rest] = text.trim().split(/\s+/);
  const [, from, to] = /^(\d{2}:\d{2})-(\d{2}:\d{2})$/.exec(hours) ?? [];
  if (from === undefined || to === undefined) throw wrong("the hours are not HH:MM-HH:MM");
  const zones = rest.filter((word) => !word.includes("="));
  if (zones.length > 1) throw wrong(`${JSON.stringify(zones[1])} is one time zone too many`);
  const window: Window = { days: readDays(days, wrong), from, to, timezone: zones[0] ?? "UTC" };
  for (const word of rest.filter((one) => one.includes("="))) {
    const [, name, count] = /^(min|max|warm)=(\d{1,5})$/.exec(word) ?? [];
    if (name === undefined) throw wrong(`${JSON.stringify(word)} is not min=, max= or warm= with a number`);
    if (name === "min") window.min = Number(count);
    if (name === "max") window.max = Number(count);
    if (name === "warm") window.warm_min = Number(count);
  }
  return window;
}

/** `daily`, `sat`, `mon-fri`, `mon,wed,fri-sun`. */
function readDays(text: string, wrong: (what: string) => Error): number[] {
  if (text === "daily") return [0, 1, 2, 3, 4, 5, 6];
  const days = new Set<number>();
  for (const part of text.toLowerCase().split(",")) {
    const [first = "", last = first, ...more] = part.split("-");
    const from = DAYS.indexOf(first);
    const to = DAYS.indexOf(last);
    if (from === -1 || to === -1 || more.length > 0)
      throw wrong(`${JSON.stringify(part)} is not a day, like mon or mon-fri`);
    for (let day = from; ; day = (day + 1) % DAYS.length) {
      days.add(day);
      if (day === to) break;
    }
  }
  return [...days].sort((a, b) => a - b);
}

/** A window as it is written in an option. */
export function formatWindow(window: {
  readonly days: readonly number[];
  readonly from: string;
  readonly to: string;
  readonly timezone?: string | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly warm_min?: number | undefined;
}): string {
  const days = window.days.length === DAYS.length ? "daily" : window.days.map((day) => DAYS[day]).join(",");
  const isWorkdays = window.days.length === 5 && window.days.every((day, index) => day === index + 1);
  const values = Object.entries({ min: window.min, max: window.max, warm: window.warm_min });
  return [
    isWorkdays ? "mon-fri" : days,
    `${window.from}-${window.to}`,
    window.timezone ?? "UTC",
    ...values.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
  ].join(" ");
}

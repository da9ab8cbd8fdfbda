import type { ScalingPolicy, ScheduleWindow } from "./pool.ts";

/** The bounds that hold at this moment: of the policy, or of the last of its windows that covers it. */
export function effectivePolicy(policy: ScalingPolicy, nowMs: number): ScalingPolicy {
  const active = policy.windows.filter((window) => isWithin(window, nowMs)).at(-1);
  if (active === undefined) return policy;
  const max = active.max ?? Math.max(policy.max, active.min ?? 0);
  return { ...policy, max, min: Math.min(active.min ?? policy.min, max), warmMin: active.warmMin ?? policy.warmMin };
}

const MINUTES_PER_DAY = 24 * 60;
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** A window over midnight belongs to the day on which it starts. */
function isWithin(window: ScheduleWindow, nowMs: number): boolean {
  const { day, minutes } = localTime(nowMs, window.timezone);
  const from = toMinutes(window.from);
  const to = toMinutes(window.to);
  if (from < to) return window.days.includes(day) && minutes >= from && minutes < to;
  if (minutes >= from) return window.days.includes(day);
  return minutes < to && window.days.includes((day + 6) % 7);
}

function localTime(nowMs: number, timezone: string): { readonly day: number; readonly minutes: number } {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
  const minutes = Number(parts.get("hour")) * 60 + Number(parts.get("minute"));
  return { day: DAYS.indexOf(parts.get("weekday") ?? ""), minutes: minutes % MINUTES_PER_DAY };
}

function toMinutes(text: string): number {
  const [hours, minutes] = text.split(":");
  return Number(hours) * 60 + Number(minutes);
}

import type { PoolScaling, ScaleDecisionJson, WaitsJson } from "@windrow/contract";
import { formatAge, formatDuration } from "../output/duration.ts";
import type { Style } from "../output/terminal.ts";

type Look = { readonly nowMs: number; readonly style: Style };

const ARROWS: Record<ScaleDecisionJson["direction"], string> = { up: "▲", down: "▼", hold: "·" };

/** How many agents a pool has and needs, how long its jobs wait, and why it was decided so, as text. */
export function formatScaling(scaling: PoolScaling, look: Look): string[] {
  const { style } = look;
  const { agents, waits } = scaling;
  const title = (text: string) => style("bold", text);
  const fact = (name: string, value: string) => `  ${style("dim", name.padEnd(9))}  ${value}`;
  const states = Object.entries(agents).filter(
    ([state, count]) => count > 0 || ["starting", "idle", "busy"].includes(state),
  );
  const bounds = scaling.bounds === null ? "" : ` (now ${scaling.bounds.min} to ${scaling.bounds.max})`;
  return [
    "",
    title("Agents"),
    ...(scaling.desired === null ? [] : [fact("desired", `${scaling.desired}${bounds}`)]),
    fact("there", states.map(([state, count]) => `${count} ${state}`).join(", ")),
    ...(scaling.reason === null ? [] : [fact("now", scaling.reason)]),
    ...(scaling.start_ms === null ? [] : [fact("start-up", `${formatMs(scaling.start_ms)} expected for a new one`)]),
    "",
    title("Jobs"),
    ...(scaling.queued_jobs === null ? [] : [fact("queued", describeQueue(scaling))]),
    ...[waits.hour, waits.day].map((one, index) => fact(index === 0 ? "last hour" : "last day", describeWaits(one))),
    ...(scaling.warm_percent === null
      ? []
      : [
          fact(
            "warm",
            `${formatPercent(scaling.warm_percent)} of the last day's grants to agents that knew the repository`,
          ),
        ]),
    ...formatErrors(scaling, look),
    ...formatDecisions(scaling, look),
  ];
}

/** `2.4s`, `12s`, `1m05s`: tenths as long as they matter. */
export function formatMs(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms / 100) / 10}s` : formatDuration(ms);
}

function formatPercent(percent: number): string {
  return `${Math.round(percent * 10) / 10} %`;
}

export function describeWaits(waits: WaitsJson): string {
  const { p50_ms: p50, p95_ms: p95, p99_ms: p99, within_target_percent: within } = waits;
  if (p50 === null || p95 === null || p99 === null || within === null) return "no jobs";
  const jobs = `${waits.jobs_count} job${waits.jobs_count === 1 ? "" : "s"}`;
  return `${jobs} waited p50 ${formatMs(p50)}, p95 ${formatMs(p95)}, p99 ${formatMs(p99)}; ${formatPercent(within)} within the target`;
}

function describeQueue({ queued_jobs: queued, soon_jobs: soon, oldest_wait_ms: oldest }: PoolScaling): string {
  const waits = oldest === null ? "" : `, the first for ${formatMs(oldest)}`;
  return `${queued}${waits}${soon === null || soon === 0 ? "" : `; ${soon} more when their needs have ended`}`;
}

function formatErrors({ provider_errors: errors }: PoolScaling, { style, nowMs }: Look): string[] {
  if (errors.length === 0) return [];
  return [
    "",
    style("bold", "The provider fails"),
    ...errors.map(({ machine, state, error, at, retry_at: retryAt }) => {
      const waitMs = retryAt === null ? 0 : Date.parse(retryAt) - nowMs;
      const next = waitMs > 0 ? `, next try in ${formatDuration(waitMs)}` : "";
      return `  ${style("red", "✗")} ${formatAge(Date.parse(at), nowMs)} ${machine} (${state}${next}): ${error}`;
    }),
  ];
}

function formatDecisions({ decisions }: PoolScaling, { style, nowMs }: Look): string[] {
  if (decisions.length === 0) return [];
  return [
    "",
    style("bold", "Last decisions"),
    ...decisions.map((one) => {
      const age = formatAge(Date.parse(one.at), nowMs).padStart(8);
      const colour = one.direction === "up" ? "green" : one.direction === "down" ? "yellow" : "dim";
      return `  ${style("dim", age)}  ${style(colour, ARROWS[one.direction])} ${String(one.desired).padStart(3)}  ${one.reason}`;
    }),
  ];
}

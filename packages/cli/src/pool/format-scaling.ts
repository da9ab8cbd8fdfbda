import type { PoolScaling, ScaleDecisionJson, WaitsJson } from "@windrow/contract";
import stringWidth from "string-width";
import { formatAge, formatDuration } from "../output/duration.ts";
import { type Fact, formatFacts } from "../output/facts.ts";
import type { Style } from "../output/terminal.ts";
import { wrapText } from "../output/wrap-text.ts";

type Look = { readonly nowMs: number; readonly style: Style; readonly columns?: number | undefined };

const TEXT_COLUMNS_MIN = 20;
const ARROWS: Record<ScaleDecisionJson["direction"], string> = { up: "▲", down: "▼", hold: "·" };

/** How many agents a pool has and needs, how long its jobs wait, and why it was decided so, as text. */
export function formatScaling(scaling: PoolScaling, look: Look): string[] {
  const { style } = look;
  const { agents, waits } = scaling;
  const title = (text: string) => style("bold", text);
  const states = Object.entries(agents).filter(
    ([state, count]) => count > 0 || ["starting", "idle", "busy"].includes(state),
  );
  const bounds = scaling.bounds === null ? "" : ` (now ${scaling.bounds.min} to ${scaling.bounds.max})`;
  const format = (facts: readonly Fact[]) => formatFacts(facts, { nameColumns: 9, style, columns: look.columns });
  return [
    "",
    title("Agents"),
    ...format([
      ["desired", scaling.desired === null ? null : `${scaling.desired}${bounds}`],
      ["there", states.map(([state, count]) => `${count} ${state}`).join(", ")],
      ["now", scaling.reason],
      ["start-up", scaling.start_ms === null ? null : `${formatMs(scaling.start_ms)} expected for a new one`],
    ]),
    "",
    title("Jobs"),
    ...format([
      ["queued", scaling.queued_jobs === null ? null : describeQueue(scaling)],
      ["last hour", describeWaits(waits.hour)],
      ["last day", describeWaits(waits.day)],
      ["warm", describeWarm(scaling)],
    ]),
    ...formatErrors(scaling, look),
    ...formatDecisions(scaling, look),
  ];
}

function describeWarm({ warm_percent: percent }: PoolScaling): string | null {
  return percent === null
    ? null
    : `${formatPercent(percent)} of the last day's grants to agents that knew the repository`;
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

function formatErrors({ provider_errors: errors }: PoolScaling, look: Look): string[] {
  if (errors.length === 0) return [];
  const { style, nowMs } = look;
  return [
    "",
    style("bold", "The provider fails"),
    ...errors.flatMap(({ machine, state, error, at, retry_at: retryAt }) => {
      const waitMs = retryAt === null ? 0 : Date.parse(retryAt) - nowMs;
      const next = waitMs > 0 ? `, next try in ${formatDuration(waitMs)}` : "";
      return hang(
        `  ${style("red", "✗")} `,
        `${formatAge(Date.parse(at), nowMs)} ${machine} (${state}${next}): ${error}`,
        look,
      );
    }),
  ];
}

function formatDecisions({ decisions }: PoolScaling, look: Look): string[] {
  if (decisions.length === 0) return [];
  const { style, nowMs } = look;
  return [
    "",
    style("bold", "Last decisions"),
    ...decisions.flatMap((one) => {
      const age = formatAge(Date.parse(one.at), nowMs).padStart(8);
      const colour = one.direction === "up" ? "green" : one.direction === "down" ? "yellow" : "dim";
      const head = `  ${style("dim", age)}  ${style(colour, ARROWS[one.direction])} ${String(one.desired).padStart(3)}  `;
      return hang(head, one.reason, look);
    }),
  ];
}

/** A text after its head, on a terminal broken between words and going on below itself. */
function hang(head: string, text: string, { columns }: Look): string[] {
  const indent = " ".repeat(stringWidth(head));
  if (columns === undefined) return [head + text];
  const pieces = wrapText(text, { columns: Math.max(columns - indent.length, TEXT_COLUMNS_MIN), indent: "" });
  return pieces.map((piece, at) => (at === 0 ? head : indent) + piece);
}

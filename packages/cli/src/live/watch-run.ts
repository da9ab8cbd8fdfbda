import type { RunSummary } from "@windrow/contract";
import type { Clock } from "@windrow/service";
import type { ApiClient } from "../api/client.ts";
import { followRun, type RunMessage } from "../api/follow-run.ts";
import { type Terminal, writeAll } from "../output/terminal.ts";
import { createPlainLines } from "./plain-lines.ts";
import { renderRun } from "./render-run.ts";
import { renderDiagnostic, renderVerdict } from "./render-verdict.ts";
import { applyMessage, createRunView, type RunView } from "./run-view.ts";
import { createScreen } from "./screen.ts";

export interface WatchRunOptions {
  readonly api: ApiClient;
  readonly runId: number;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** One JSON object per message on stdout instead of a picture or lines. */
  readonly json?: boolean;
  /** False leaves log lines out off a terminal. */
  readonly logs?: boolean;
}

const DRAW_EVERY_MS = 100;
const TICK_MS = 1000;

/**
 * Shows a run until it ends: a folded picture on a terminal, lines off it. Answers the run as it ended, or nothing when
 * the signal aborted first. Errors: as `followRun`.
 */
export async function watchRun(options: WatchRunOptions): Promise<RunSummary | undefined> {
  const { answer: run } = await options.api.call("viewRun", { params: { run_id: options.runId } });
  const view = createRunView(run);
  const messages = followRun({
    api: options.api,
    runId: options.runId,
    logs: options.logs ?? true,
    clock: options.clock,
    signal: options.signal,
  });
  if (options.json) await showJson(messages, view, options);
  else if (options.terminal.canRedraw) await showPicture(messages, view, options);
  else await showLines(messages, view, options);
  return view.run.state === "finished" ? view.run : undefined;
}

type Messages = AsyncIterable<RunMessage>;

async function showJson(messages: Messages, view: RunView, { terminal }: WatchRunOptions): Promise<void> {
  for await (const message of messages) {
    applyMessage(view, message);
    if (message.name === "disconnected" || message.name === "connected") {
      sayConnection(message, terminal);
    } else if (message.name === "log") {
      const { jobId, attemptId, attemptNo, stream, offset, bytes } = message;
      const data = {
        job_id: jobId,
        attempt_id: attemptId,
        attempt_no: attemptNo,
        stream,
        offset,
        bytes: Buffer.from(bytes).toString("base64"),
      };
      await writeAll(terminal.out, `${JSON.stringify({ name: "log", data })}\n`);
    } else await writeAll(terminal.out, `${JSON.stringify({ name: message.name, data: message.data })}\n`);
  }
}

async function showLines(messages: Messages, view: RunView, { terminal, clock }: WatchRunOptions): Promise<void> {
  const lines = createPlainLines(view);
  for (const diagnostic of view.diagnostics) {
    await writeAll(terminal.out, `${renderDiagnostic(diagnostic, terminal.outStyle).join("\n")}\n`);
  }
  for await (const message of messages) {
    applyMessage(view, message);
    sayConnection(message, terminal);
    for (const line of lines.push(message, clock.nowMs())) await writeAll(terminal.out, line);
  }
}

async function showPicture(messages: Messages, view: RunView, options: WatchRunOptions): Promise<void> {
  const { terminal, clock } = options;
  const screen = createScreen(terminal.out);
  const done = new AbortController();
  let hasNews = true;
  let drawnAtMs = Number.NEGATIVE_INFINITY;
  const draw = () => {
    screen.draw(
      renderRun(view, {
        nowMs: clock.nowMs(),
        columns: screen.columns - 1,
        rowsMax: screen.rows - 1,
        style: terminal.outStyle,
      }),
    );
    hasNews = false;
    drawnAtMs = clock.monotonicMs();
  };
  const redraw = async () => {
    while (!done.signal.aborted) {
      if (hasNews || clock.monotonicMs() - drawnAtMs >= TICK_MS) draw();
      await clock.sleep(DRAW_EVERY_MS, done.signal);
    }
  };
  const onResize = () => {
    hasNews = true;
  };
  terminal.out.on?.("resize", onResize);
  const drawing = redraw();
  try {
    for await (const message of messages) {
      applyMessage(view, message);
      hasNews = true;
    }
  } finally {
    done.abort();
    await drawing;
    terminal.out.off?.("resize", onResize);
  }
  if (options.signal.aborted) draw();
  else {
    screen.clear();
    const verdict = renderVerdict(view, { nowMs: clock.nowMs(), style: terminal.outStyle });
    await writeAll(terminal.out, `${verdict.join("\n")}\n`);
  }
}

function sayConnection(message: RunMessage, terminal: Terminal): void {
  if (message.name === "disconnected" && message.tryNo === 1) {
    terminal.err.write(`connection lost (${message.detail}), trying again …\n`);
  } else if (message.name === "connected") terminal.err.write("connected again\n");
}

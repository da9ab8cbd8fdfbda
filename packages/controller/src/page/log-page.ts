import type { AttemptView, JobView } from "@windrow/store";
import { html } from "./html.ts";
import { layout } from "./layout.ts";
import type { ShownPiece } from "./log-lines.ts";
import { showState } from "./show-time.ts";

/** How much of a log one page shows. */
export const LOG_WINDOW_BYTES = 256 * 1024;

export interface LogWindow {
  readonly stream: string;
  readonly from: number;
  readonly to: number;
  readonly lengthBytes: number;
  readonly pieces: readonly ShownPiece[];
}

/** One stream of a job's log, a window of it at a time. */
export function logPage(job: JobView, attempt: AttemptView | undefined, window: LogWindow | undefined): string {
  const here = `/runs/${job.run_id}/jobs/${job.id}/logs`;
  const query = attempt === undefined ? "" : `attempt=${attempt.no}&`;
  const links = (attempt?.streams ?? []).map(({ stream }) => {
    const step = attempt?.steps.find((one) => String(one.step_no) === stream);
    const current = stream === window?.stream ? "here" : "";
    return html`<a class="${current}" href="${here}?${query}stream=${stream}">${step?.name ?? stream}</a> `;
  });
  const body = html`<p><a href="/runs/${job.run_id}">← ${job.repository} #${job.run_id}</a></p>
<h1>${job.name} ${showState(job.state, job.conclusion)}</h1>
${job.message === null ? undefined : html`<p>${job.message}</p>`}
<nav>${links}</nav>
${window === undefined ? html`<p class="dim">There is no log yet.</p>` : show(window, `${here}?${query}stream=${window.stream}`, `/api/v1/jobs/${job.id}/logs?${query}stream=${window.stream}`)}`;
  return layout({
    title: `Log of ${job.name}`,
    body,
    ...(job.state === "finished" ? {} : { refreshSeconds: 3 }),
  });
}

function show(window: LogWindow, link: string, raw: string) {
  const { from, to, lengthBytes } = window;
  const earlier =
    from > 0 ? html`<a href="${link}&from=${Math.max(0, from - LOG_WINDOW_BYTES)}">earlier</a> ` : undefined;
  const later = to < lengthBytes ? html`<a href="${link}&from=${to}">later</a> ` : undefined;
  return html`<p class="dim">bytes ${from} to ${to} of ${lengthBytes} · ${earlier}${later}<a href="${raw}">raw</a></p><pre>${window.pieces.map((piece) => showPiece(piece, link, raw))}</pre>`;
}

function showPiece({ text, leftOut }: ShownPiece, link: string, raw: string) {
  if (leftOut === undefined) return text;
  const { from, to } = leftOut;
  return html`${text}<span class="dim"> … the line has ${to - from} more bytes here: <a href="${link}&from=${from}">go on</a> <a href="${raw}&from=${from}&to=${to}">raw</a></span>`;
}

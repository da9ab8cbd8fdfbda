import type { RunView } from "@windrow/store";
import { html } from "./html.ts";
import { layout } from "./layout.ts";
import { showDuration, showRunState, showTime } from "./show-time.ts";

const REFRESH_SECONDS = 5;

/** The first page: recent runs. */
export function runsPage(
  runs: readonly RunView[],
  options: { readonly publicUrl: string; readonly nowMs: number },
): string {
  const rows = runs.map(
    (run) => html`<tr><td>${showRunState(run)}</td>
<td><a href="/runs/${run.id}">${run.repository} #${run.id}</a><br><span class="dim">${run.workflow_name}</span></td>
<td>${run.title}<br><span class="dim">${shortRef(run.ref)} · <code>${run.sha.slice(0, 10)}</code> · ${run.actor}${run.scope === "try" ? " · try" : ""}</span></td>
<td>${showTime(run.created_at)}<br><span class="dim">${showDuration(run.created_at, run.finished_at, options.nowMs)}</span></td></tr>`,
  );
  const none = html`<p>No runs yet. Push something with a workflow file in <code>.windrow/workflows</code> or <code>.github/workflows</code>:</p>
<pre>git push ${options.publicUrl}/git/me/my-app.git main</pre>`;
  const body = html`<h1>Runs</h1>${
    rows.length === 0
      ? none
      : html`<table><thead><tr><th>State</th><th>Run</th><th>Commit</th><th>Started (UTC)</th></tr></thead><tbody>${rows}</tbody></table>`
  }`;
  return layout({
    title: "Runs",
    body,
    ...(runs.some((run) => run.state !== "finished") ? { refreshSeconds: REFRESH_SECONDS } : {}),
  });
}

export function shortRef(ref: string): string {
  return ref.replace(/^refs\/(heads|tags)\//, "");
}

import type { Annotation, Job } from "@windrow/contract";
import type { RunView } from "@windrow/store";
import { html } from "./html.ts";
import { layout } from "./layout.ts";
import { shortRef } from "./runs-page.ts";
import { showDuration, showRunState, showState, showTime } from "./show-time.ts";

const REFRESH_SECONDS = 3;

/** One run: its complaints, jobs and steps. */
export function runPage(run: RunView, jobs: readonly Job[], nowMs: number): string {
  const diagnostics = run.diagnostics.map(
    (
      one,
    ) => html`<div class="problem"><code>${one.file}:${one.line}:${one.column}</code> ${one.severity}: ${one.message}
${one.hint === undefined ? undefined : html`<br><span class="dim">${one.hint}</span>`}</div>`,
  );
  const body = html`<h1>${run.repository} #${run.id} ${showRunState(run)}</h1>
<p>${run.title}</p>
<p class="dim">${run.workflow_name} · ${run.event_name} · ${shortRef(run.ref)} · <code>${run.sha.slice(0, 12)}</code> · ${run.actor} · attempt ${run.attempt}
· ${showTime(run.created_at)} · ${showDuration(run.created_at, run.finished_at, nowMs)}${run.cancel_reason === null ? "" : ` · ${run.cancel_reason}`}</p>
${diagnostics}
${jobs.map((job) => jobSection(job, nowMs))}`;
  return layout({
    title: `${run.repository} #${run.id}`,
    body,
    ...(run.state === "finished" ? {} : { refreshSeconds: REFRESH_SECONDS }),
  });
}

function jobSection(job: Job, nowMs: number) {
  const attempt = job.attempts.findLast((one) => one.started_at !== null) ?? job.attempts.at(-1);
  const at = (text: string | null): Date | null => (text === null ? null : new Date(text));
  const note = job.message ?? job.waiting_for;
  const log = `/runs/${job.run_id}/jobs/${job.id}/logs`;
  const steps = (attempt?.steps ?? []).map(
    (
      step,
    ) => html`<tr><td>${showState(step.state, step.conclusion)}</td><td><a href="${log}?stream=${step.no}">${step.name}</a>
${step.fault === null ? undefined : html`<br><span class="failure">${step.fault}</span>`}</td>
<td class="dim">${step.exit_code === null || step.exit_code === 0 ? "" : `exit ${step.exit_code}`}</td>
<td class="dim">${showDuration(at(step.started_at), at(step.finished_at), nowMs)}</td></tr>`,
  );
  const remarks = (attempt?.steps ?? []).flatMap((step) => step.annotations).map(showAnnotation);
  return html`<h2>${job.name} ${showState(job.state, job.conclusion)}</h2>
<p class="dim">${job.labels.join(", ")}${job.agent === null ? "" : ` · ${job.agent}`}${job.attempt_count > 1 ? ` · attempt ${job.attempt_count}` : ""}
 ${showDuration(at(job.started_at), at(job.finished_at), nowMs)}${attempt === undefined ? undefined : html` · <a href="${log}">log</a>`}</p>
${note === null ? undefined : html`<p>${note}</p>`}
${steps.length === 0 ? undefined : html`<table><tbody>${steps}</tbody></table>`}
${remarks}`;
}

function showAnnotation({ level, message, title, file, line }: Annotation) {
  const place = file === null ? "" : `${file}${line === null ? "" : `:${line}`} `;
  return html`<div class="problem"><code>${place}</code>${level}: ${title === null ? "" : `${title}: `}${message}</div>`;
}

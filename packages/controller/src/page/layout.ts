import { createHash } from "node:crypto";
import type { Problem } from "@windrow/contract";
import { type Html, Html as HtmlText, html } from "./html.ts";

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --good: #1a7f37; --bad: #c62828; --busy: #9a6700; --dim: #777; }
@media (prefers-color-scheme: dark) { :root { --good: #56d364; --bad: #ff7b72; --busy: #e3b341; --dim: #999; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem 1.25rem 3rem; max-width: 76rem; font: 15px/1.5 system-ui, sans-serif; }
header { display: flex; gap: 1rem; align-items: baseline; border-bottom: 1px solid var(--line); margin-bottom: 1.25rem; }
header a { font-weight: 650; text-decoration: none; color: inherit; font-size: 1.15rem; }
h1 { font-size: 1.3rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; color: var(--dim); font-size: .85rem; }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
a { color: inherit; text-underline-offset: .15em; } .dim { color: var(--dim); } code, pre { font: 13px/1.5 ui-monospace, monospace; }
pre { background: var(--soft); padding: .75rem 1rem; border-radius: 6px; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.success { color: var(--good); } .failure { color: var(--bad); } .cancelled, .skipped { color: var(--dim); }
.running, .leased, .queued, .waiting, .blocked { color: var(--busy); }
.state { font-weight: 600; white-space: nowrap; } .problem { border-left: 3px solid var(--bad); padding-left: .75rem; margin: .5rem 0; }
nav a { margin-right: .9rem; } nav .here { font-weight: 650; text-decoration: none; }
`;
const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

/** Nothing may run, load, frame or be sent from a page; the one style is named by its hash. */
export const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
} as const;

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 12q7-12 14 0z' fill='%23c90'/%3E%3C/svg%3E";

/** A whole document. `refreshSeconds` makes the browser look again: what is shown is not finished. */
export function layout(page: {
  readonly title: string;
  readonly body: Html;
  readonly refreshSeconds?: number;
}): string {
  const refresh =
    page.refreshSeconds === undefined ? undefined : html`<meta http-equiv="refresh" content="${page.refreshSeconds}">`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title} · Windrow</title><link rel="icon" href="${ICON}">${refresh}<style>${new HtmlText(STYLE)}</style></head>
<body><header><a href="/">Windrow</a></header><main>${page.body}</main></body></html>
`.text;
}

export function errorPage(problem: Problem): string {
  const body = html`<h1>${problem.title}</h1><p>${problem.detail}</p>
${problem.hint === undefined ? undefined : html`<p class="dim">${problem.hint}</p>`}
${problem.status === 401 ? html`<p>Log in with any user name and your token as the password.</p>` : undefined}`;
  return layout({ title: problem.title, body });
}

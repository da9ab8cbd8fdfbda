import type { OutputStream } from "../output/terminal.ts";

/** What `windrow up` has to say; `event` and the fields are what `--json` prints, one object per line. */
export type UpEvent =
  | { readonly event: "starting"; readonly part: string }
  | {
      readonly event: "started";
      readonly part: string;
      readonly pid: number;
      readonly ms: number;
      readonly adopted?: boolean;
    }
  | { readonly event: "orphan_ended"; readonly part: string; readonly pid: number }
  | { readonly event: "notice"; readonly message: string }
  | {
      readonly event: "ready";
      readonly url: string;
      readonly token_file: string;
      readonly git_url: string;
      /** By plain HTTP, from this machine only; when `url` is another. */
      readonly local_url?: string;
      /** What git and browsers on other machines must trust, when it is the farm's own. */
      readonly ca_file?: string;
      readonly ms: number;
    }
  | { readonly event: "sample_pushed"; readonly run_id: number; readonly run_url: string }
  | { readonly event: "sample_job"; readonly job: string; readonly state: string; readonly conclusion: string | null }
  | {
      readonly event: "sample_finished";
      readonly run_id: number;
      readonly run_url: string;
      readonly conclusion: string;
    }
  | { readonly event: "ended"; readonly part: string; readonly pid: number; readonly restart_in_ms: number }
  | { readonly event: "stopping"; readonly hurried: boolean; readonly agents_count: number }
  | { readonly event: "stopped"; readonly part: string }
  | { readonly event: "error"; readonly message: string; readonly hint?: string };

const TRUST_HINT = "          (git: -c http.sslCAInfo=FILE, windrow: --ca FILE; agents know by their join token)";

export type Report = (event: UpEvent) => void;

/** With `--json` every event is a line on stdout; else the few lasting facts go to stdout and the rest to stderr. */
export function createReporter(options: { isJson: boolean; out: OutputStream; err: OutputStream }): Report {
  const { isJson, out, err } = options;
  if (isJson) return (event) => void out.write(`${JSON.stringify(event)}\n`);
  return (event) => {
    const { text, isLasting } = describe(event);
    (isLasting ? out : err).write(`${text}\n`);
  };
}

function describe(event: UpEvent): { text: string; isLasting?: boolean } {
  switch (event.event) {
    case "starting":
      return { text: `  ${event.part} …` };
    case "started": {
      const how = event.adopted ? "was still running" : `ready in ${seconds(event.ms)}`;
      return { text: `  ${event.part} ${how} (process ${event.pid})` };
    }
    case "orphan_ended":
      return { text: `  ${event.part} of an earlier start was still running (process ${event.pid}): ended` };
    case "notice":
      return { text: `  ${event.message}` };
    case "ready": {
      const lines = [
        "",
        `Windrow is ready after ${seconds(event.ms)}.`,
        `  page    ${event.url}`,
        ...(event.local_url === undefined ? [] : [`  here    ${event.local_url}   (this machine only)`]),
        ...(event.ca_file === undefined ? [] : [`  trust   ${event.ca_file}`, TRUST_HINT]),
        `  token   ${event.token_file}`,
        `  push    git push ${event.git_url}/me/my-app.git HEAD:main`,
        "          (any user name, the token as password)",
        "  stop    Ctrl-C",
        "",
      ];
      return { text: lines.join("\n"), isLasting: true };
    }
    case "sample_pushed":
      return { text: `Building the sample repository me/sample: ${event.run_url}` };
    case "sample_job":
      return { text: `  ${event.job}: ${event.conclusion ?? event.state}` };
    case "sample_finished": {
      const verdict = event.conclusion === "success" ? "built: success" : `ended with: ${event.conclusion}`;
      return { text: `The sample repository was ${verdict}. ${event.run_url}`, isLasting: true };
    }
    case "ended":
      return {
        text: `${event.part} (process ${event.pid}) ended unexpectedly: starting it again in ${seconds(event.restart_in_ms)}`,
      };
    case "stopping":
      return { text: describeStop(event) };
    case "stopped":
      return { text: `  ${event.part} stopped` };
    case "error":
      return { text: `windrow: ${event.message}${event.hint === undefined ? "" : `\n  ${event.hint}`}` };
  }
}

function describeStop(event: { readonly hurried: boolean; readonly agents_count: number }): string {
  if (event.hurried) return "Stopping at once …";
  return event.agents_count === 0
    ? "\nStopping …"
    : "\nStopping: running steps are ended and their jobs queued again …";
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

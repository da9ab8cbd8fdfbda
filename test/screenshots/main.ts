import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "@windrow/service";
import { Farm } from "../kit/farm.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { waitFor } from "../kit/wait-for.ts";
import { ansiToSvg } from "./ansi-to-svg.ts";

const COLUMNS = 96;
const ROWS = 24;
const SESSION = `windrow-picture-${process.pid}`;
const root = fileURLToPath(new URL("../..", import.meta.url));

const WORKFLOW = `
name: CI
on: push
jobs:
  test:
    runs-on: linux
    strategy:
      matrix:
        text: [haystack, furrow, meadow]
    steps:
      - name: Count words
        run: |
          for i in 1 2 3 4 5 6 7 8; do echo "\${{ matrix.text }}: \${i}00 words counted"; sleep 0.4; done
  package:
    needs: test
    runs-on: linux
    steps:
      - name: Pack
        run: echo packed
`;

/** Makes the README's picture: a real run, watched in a real terminal (needs tmux). */
const farm = await Farm.start({ agents: 2, logLevel: "warn" });
try {
  const { runId } = await pushWorkflow(farm, WORKFLOW, { name: "me/hay" });
  tmux("new-session", "-d", "-s", SESSION, "-x", String(COLUMNS), "-y", String(ROWS), "sh");
  const command = `clear; node ${join(root, "packages/cli/bin/windrow.cjs")} run watch ${runId} --url ${farm.url}`;
  tmux("send-keys", "-t", SESSION, `PS1='$ '; export WINDROW_TOKEN=${farm.adminToken}; clear`, "Enter");
  tmux("send-keys", "-t", SESSION, command, "Enter");
  await waitFor("the view to show log lines", () => screen().includes("400 words counted"), { describe: screen });
  await systemClock.sleep(300);
  const text = screen().replace(/^.*windrow\.cjs run watch.*$/m, `$ windrow run watch ${runId}`);
  const file = join(root, "packages/docs/pictures/run-watch.svg");
  writeFileSync(file, ansiToSvg(text, { title: "windrow run watch: a run in progress", columns: COLUMNS }));
  process.stdout.write(`${text}\n${file}\n`);
  await farm.waitRunFinished(runId);
} finally {
  tmux("kill-session", "-t", SESSION);
  await farm.stop();
}
process.exit(0);

function tmux(...args: string[]): string {
  return execFileSync("tmux", args, { encoding: "utf8" });
}

function screen(): string {
  return tmux("capture-pane", "-e", "-p", "-t", SESSION);
}

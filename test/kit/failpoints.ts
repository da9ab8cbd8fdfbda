import { existsSync, readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { installFailpointHandler } from "@windrow/service";

/**
 * Loaded with `--import` by the test kit only. The file named by FAILPOINT_FILE holds `name:action[:nth]`, or nothing;
 * the test may write it at any time. Actions: `kill` (this process, at once), `pause` (for ever, as a stopped thread
 * would), `delay=MS`, `error`. It strikes once, at the `nth` passing (from 1) after the file was written.
 */
const file = process.env.FAILPOINT_FILE ?? "";
let armed = "";
let passed = 0;

installFailpointHandler(async (name) => {
  const text = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (text !== armed) {
    armed = text;
    passed = 0;
  }
  const [wanted = "", action = "", nth = "1"] = text.split(":");
  if (wanted !== name) return;
  passed++;
  if (passed !== Number(nth)) return;
  process.stdout.write(`${JSON.stringify({ msg: `failpoint ${text}` })}\n`);
  if (action === "kill") process.kill(process.pid, "SIGKILL");
  if (action === "pause") await new Promise(() => undefined);
  if (action === "error") throw new Error(`failpoint ${name}`);
  if (action.startsWith("delay=")) await wait(Number(action.slice("delay=".length)));
});

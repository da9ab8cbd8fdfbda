import { setTimeout as wait } from "node:timers/promises";
import { installFailpointHandler } from "@windrow/service";

/**
 * Loaded with `--import` by the test kit only. FAILPOINT is a comma list of `name:action[:nth]`; actions: `kill` (this
 * process, at once), `pause` (for ever, as a stopped thread would), `delay=MS`, `error`. `nth` (from 1, default 1) says
 * at which passing it strikes, once.
 */
interface Failpoint {
  readonly name: string;
  readonly action: string;
  readonly nth: number;
  passed: number;
}

const failpoints: Failpoint[] = (process.env.FAILPOINT ?? "")
  .split(",")
  .filter((text) => text !== "")
  .map((text) => {
    const [name = "", action = "", nth = "1"] = text.split(":");
    return { name, action, nth: Number(nth), passed: 0 };
  });

installFailpointHandler(async (name) => {
  for (const point of failpoints) {
    if (point.name !== name) continue;
    point.passed++;
    if (point.passed !== point.nth) continue;
    process.stdout.write(`${JSON.stringify({ msg: "failpoint", name, action: point.action })}\n`);
    if (point.action === "kill") process.kill(process.pid, "SIGKILL");
    if (point.action === "pause") await new Promise(() => undefined);
    if (point.action === "error") throw new Error(`failpoint ${name}`);
    if (point.action.startsWith("delay=")) await wait(Number(point.action.slice("delay=".length)));
  }
});

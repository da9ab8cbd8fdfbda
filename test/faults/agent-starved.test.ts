import { spawn } from "node:child_process";
import { availableParallelism, setPriority } from "node:os";
import { systemClock } from "@windrow/service";
import { afterEach, expect, test } from "vitest";
import { beginJob, GO } from "../kit/begin-job.ts";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";

/** Suspect 15 s and lost 30 s, shortened to a half and less. */
const TIMES = { suspectAfterMs: 6_000, lostAfterMs: 12_000 };
const HOG_MS = 15_000;
const LOOK_EVERY_MS = 100;
const AGENT_NICE = 19;
/** Still 22 times an agent's share, while other tests on the machine go on. */
const HOG_NICE = 5;

let farm: Farm | undefined;
const hogs: ReturnType<typeof spawn>[] = [];
afterEach(async () => {
  for (const hog of hogs.splice(0)) hog.kill("SIGKILL");
  await farm?.stop();
});

test("F08: an agent that gets hardly any processor keeps its lease", async () => {
  const starved = await Farm.start({ pool: TIMES });
  farm = starved;
  const { runId, marker, agent } = await beginJob(starved);
  setPriority(agent.child.pid, AGENT_NICE);
  for (let no = 0; no < availableParallelism(); no++) {
    const hog = spawn("sh", ["-c", "while :; do :; done"], { stdio: "ignore" });
    if (hog.pid !== undefined) setPriority(hog.pid, HOG_NICE);
    hogs.push(hog);
  }
  const row = () =>
    starved.db.selectFrom("agents").select(["state", "last_seen_at"]).where("name", "=", agent.name).executeTakeFirst();
  const gaps: number[] = [];
  const states = new Set<string>();
  let seenAtMs: number | undefined;
  const until = systemClock.monotonicMs() + HOG_MS;
  while (systemClock.monotonicMs() < until) {
    const seen = await row();
    if (seen === undefined) throw new Error("the agent has no row");
    states.add(seen.state);
    const atMs = seen.last_seen_at?.getTime();
    if (atMs !== undefined && seenAtMs !== undefined && atMs > seenAtMs) gaps.push(atMs - seenAtMs);
    seenAtMs = atMs;
    await systemClock.sleep(LOOK_EVERY_MS);
  }
  for (const hog of hogs) hog.kill("SIGKILL");
  marker.open(GO);
  expect((await starved.waitRunFinished(runId)).conclusion).toBe("success");
  expect((await starved.attempts(runId)).map(({ no, state }) => [no, state])).toEqual([[1, "finished"]]);
  // longer silence than this would have made it suspect
  expect(gaps.length).toBeGreaterThan(2);
  expect(Math.max(...gaps)).toBeLessThan(TIMES.suspectAfterMs);
  expect([...states]).toEqual(["ready"]);
  expect(await checkHistory(starved, { markers: marker.marks() })).toEqual([]);
}, 60_000);

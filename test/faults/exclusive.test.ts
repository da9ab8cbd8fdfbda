import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { makeJobsExclusive } from "../kit/make-exclusive.ts";
import { Marker } from "../kit/marker.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { TcpProxy } from "../kit/tcp-proxy.ts";
import { createTemporaryFolder } from "../kit/temporary-folder.ts";
import { waitFor } from "../kit/wait-for.ts";

/** The lease leaves room for the whole grace of a step that ignores every polite signal (10 s). */
const TIMES = { suspectAfterMs: 3_000, lostAfterMs: 14_000, leaseMarginMs: 500, offerMs: 1_000 };

let farm: Farm;
let proxy: TcpProxy | undefined;
afterEach(async () => {
  proxy?.heal();
  await farm?.stop();
  await proxy?.stop();
});

interface Tick {
  readonly attemptNo: number;
  readonly atMs: number;
}

test("F11: an exclusive job cut off with its agent, which then dies, is gone before its next attempt begins", async () => {
  farm = await Farm.start({ agents: 0, pool: TIMES });
  await makeJobsExclusive(farm);
  const [host = "", port = ""] = (farm.controllers[0]?.grpcAddress ?? "").split(":");
  proxy = await TcpProxy.start({ host, port: Number(port) });
  await farm.startAgent({ name: "agent-1", grpcAddress: `127.0.0.1:${proxy.port}` });
  const marker = new Marker();
  const file = join(createTemporaryFolder("windrow-ticks-"), "ticks");
  chmodSync(join(file, ".."), 0o777);
  writeFileSync(file, "");
  chmodSync(file, 0o666);
  const ticks = (): Tick[] =>
    readFileSync(file, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => line.split(" ").map(Number))
      .map(([attemptNo = 0, atMs = 0]) => ({ attemptNo, atMs }));
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  only:
    runs-on: linux
    steps:
      - run: |
          ${marker.line}
          trap '' INT TERM
          i=0
          while [ "$WINDROW_ATTEMPT" = 1 ] || [ $i -lt 20 ]; do
            i=$((i+1)); echo "$WINDROW_ATTEMPT $(date +%s%3N)" >> ${file}; sleep 0.05
          done
`,
  );
  await waitFor("the step to have begun", () => ticks().length > 0);
  await farm.startAgent({ name: "agent-2" });
  const first = farm.agent("agent-1");
  proxy.freeze();
  const cutAtMs = Date.now();
  await first.child.kill();

  expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
  const attempts = await farm.attempts(runId);
  expect(attempts.map(({ no, state, agent }) => [no, state, agent])).toEqual([
    [1, "lost", "agent-1"],
    [2, "finished", "agent-2"],
  ]);
  const lastOfFirst = Math.max(...ticks().flatMap((tick) => (tick.attemptNo === 1 ? [tick.atMs] : [])));
  const firstOfSecond = Math.min(...ticks().flatMap((tick) => (tick.attemptNo === 2 ? [tick.atMs] : [])));
  // it went on alone, without agent and controller, and the supervisor's own clock ended it
  expect(lastOfFirst).toBeGreaterThan(cutAtMs + 1_000);
  expect(lastOfFirst).toBeLessThan(firstOfSecond);

  proxy.heal();
  await farm.startAgent({ name: "agent-1", grpcAddress: `127.0.0.1:${proxy.port}` });
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
}, 90_000);

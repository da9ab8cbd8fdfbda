import { createHash } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { beginJob, GO } from "../kit/begin-job.ts";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { killProcessesOf } from "../kit/kill-supervisors.ts";
import { Marker } from "../kit/marker.ts";
import { readMetric } from "../kit/metric.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { waitFor } from "../kit/wait-for.ts";
import { SHORT_TIMES } from "./short-times.ts";

let farm: Farm;
afterEach(() => farm?.stop());

/** Suspect 15 s and lost 30 s, shortened threefold: the end of a connection can be told from silence. */
const SILENCE_TIMES = { suspectAfterMs: 5_000, lostAfterMs: 10_000, leaseMarginMs: 500, offerMs: 1_000 };
/** What a machine that runs other tests, too, adds to the farm's own times. */
const BUSY_MS = 2_000;

/** Ms from a moment to the last event of a kind, by the clock of the one machine that all of it runs on. */
async function happenedAfter(sinceMs: number, kind: string): Promise<number> {
  const row = await farm.db
    .selectFrom("events")
    .select("at")
    .where("kind", "=", kind)
    .where("at", ">", new Date(sinceMs))
    .orderBy("at", "desc")
    .executeTakeFirstOrThrow();
  return row.at.getTime() - sinceMs;
}

test("F05: an agent that dies with its supervisors is suspect at once, then lost, and its job runs elsewhere", async () => {
  farm = await Farm.start({ pool: SILENCE_TIMES, agents: 2 });
  const { runId, marker, agent } = await beginJob(farm);
  const durable = () =>
    farm.db.selectFrom("log_streams").select("length_bytes").where("stream", "=", "0").executeTakeFirst();
  await waitFor("the first line to be durable", async () => ((await durable())?.length_bytes ?? 0) > 0);
  const killedAt = Date.now();
  await agent.child.kill();
  expect(killProcessesOf(agent.dir)).toBeGreaterThan(0);
  const state = () =>
    farm.db.selectFrom("agents").select("state").where("name", "=", agent.name).executeTakeFirstOrThrow();
  await waitFor("the agent to be suspect", async () => (await state()).state === "suspect", { describe: state });
  await waitFor("the agent to be lost", async () => (await state()).state === "lost", { describe: state });
  const run = await farm.waitRunFinished(runId);
  expect(run.conclusion).toBe("success");
  const attempts = await farm.attempts(runId);
  expect(attempts.map((attempt) => [attempt.no, attempt.state, attempt.reason])).toEqual([
    [1, "lost", "agent_lost"],
    [2, "finished", expect.anything()],
  ]);
  expect(attempts[1]?.agent).not.toBe(agent.name);
  // told by the end of its connections, long before its silence would have told
  expect(await happenedAfter(killedAt, "agent_suspect")).toBeLessThan(SILENCE_TIMES.suspectAfterMs / 2);
  const lostAfter = await happenedAfter(killedAt, "agent_lost");
  expect(lostAfter).toBeGreaterThan(SILENCE_TIMES.lostAfterMs - SILENCE_TIMES.suspectAfterMs);
  expect(lostAfter).toBeLessThan(SILENCE_TIMES.lostAfterMs + 1_000 + BUSY_MS);
  expect((await happenedAfter(killedAt, "attempt_started")) - lostAfter).toBeLessThan(2_000 + BUSY_MS);
  const [job] = await farm.jobs(runId);
  const prefix = (await readLog(farm, { jobId: job?.id ?? 0, stream: "0", attempt: 1 })).toString();
  expect(prefix).toBe("attempt 1\n");
  expect((await readLog(farm, { jobId: job?.id ?? 0, stream: "0" })).toString()).toBe("attempt 2\n");
  // the dead agent's folders are swept when it comes back
  await farm.startAgent({ name: agent.name });
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
}, 120_000);

test("F06: an agent that is killed alone goes on with the same attempt, though the step ended and wrote 100 MB meanwhile", async () => {
  farm = await Farm.start({ pool: { ...SHORT_TIMES, suspectAfterMs: 15_000, lostAfterMs: 30_000 } });
  const marker = new Marker();
  const { runId } = await beginJob(farm, {
    marker,
    script: `
${marker.waitLine(GO)}
yes "a line of exactly fifty bytes, the newline included" | head -c 104857600
${marker.openLine("written")}`,
    after: "      - run: echo after\n",
  });
  await farm.agent("agent-1").child.kill();
  marker.open(GO);
  await waitFor("100 MB to be written", () => marker.isOpen("written"), { withinMs: 30_000 });
  await farm.startAgent({ name: "agent-1" });
  const run = await farm.waitRunFinished(runId, 90_000);
  expect(run.conclusion).toBe("success");
  const attempts = await farm.attempts(runId);
  expect(attempts.map((attempt) => [attempt.no, attempt.state])).toEqual([[1, "finished"]]);
  const [job] = await farm.jobs(runId);
  const log = await readLog(farm, { jobId: job?.id ?? 0, stream: "0" });
  const line = "a line of exactly fifty bytes, the newline included\n";
  const head = "attempt 1\n";
  const expected = head + line.repeat(Math.ceil(104_857_600 / line.length)).slice(0, 104_857_600);
  expect(log.length).toBe(head.length + 104_857_600);
  expect(createHash("sha256").update(log).digest("hex")).toBe(createHash("sha256").update(expected).digest("hex"));
  expect((await readLog(farm, { jobId: job?.id ?? 0, stream: "1" })).toString()).toBe("after\n");
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
}, 120_000);

test("a step that outlives its agent still reaches its repository by the address and the token it knows", async () => {
  farm = await Farm.start({ pool: { ...SHORT_TIMES, suspectAfterMs: 15_000, lostAfterMs: 30_000 } });
  const marker = new Marker();
  const { runId } = await beginJob(farm, {
    marker,
    before: "      - uses: actions/checkout@v4\n",
    script: `
${marker.waitLine(GO)}
# the gateway lets the job in again once the controller has told the agent that the attempt is still its own
for i in $(seq 100); do git ls-remote origin refs/heads/main 2>/dev/null && exit 0; sleep 0.1; done
exit 1`,
  });
  await farm.agent("agent-1").child.kill();
  await farm.startAgent({ name: "agent-1" });
  marker.open(GO);
  expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
  const [job] = await farm.jobs(runId);
  expect((await readLog(farm, { jobId: job?.id ?? 0, stream: "1" })).toString()).toMatch(
    /^attempt 1\n[0-9a-f]{40}\trefs\/heads\/main\n$/,
  );
  expect(await checkHistory(farm)).toEqual([]);
});

test("F07: an agent stopped past its lease is refused everywhere when it wakes, and its processes end", async () => {
  farm = await Farm.start({ pool: SHORT_TIMES, agents: 2 });
  const marker = new Marker();
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  only:
    runs-on: linux
    outputs:
      from: \${{ steps.say.outputs.from }}
    steps:
      - run: |
          ${marker.line}
          ${marker.openLine("begun")}
          [ "$WINDROW_ATTEMPT" != 1 ] || ${marker.waitLine("woken")}
      - id: say
        run: echo "from=$WINDROW_ATTEMPT" >> "$GITHUB_OUTPUT"
`,
  );
  await waitFor("the step to have begun", () => marker.isOpen("begun"));
  const [first] = await farm.attempts(runId);
  const agent = farm.agent(first?.agent ?? "");
  agent.child.signal("SIGSTOP");
  const run = await farm.waitRunFinished(runId);
  expect(run.conclusion).toBe("success");
  // the zombie's step ends in the same moment in which the zombie wakes, so that it has a result to report
  marker.open("woken");
  agent.child.signal("SIGCONT");
  await waitFor(
    "the farm to have refused the zombie",
    async () => (await readMetric(farm, "windrow_stale_fence_total")) >= 1,
  );
  expect(await checkHistory(farm, { markers: marker.marks() })).toEqual([]);
  const [job] = await farm.jobs(runId);
  expect(job?.outputs).toEqual({ from: "2" });
  const attempts = await farm.attempts(runId);
  expect(attempts.map((attempt) => [attempt.no, attempt.state])).toEqual([
    [1, "lost"],
    [2, "finished"],
  ]);
});

test("F22: 10 MB of random bytes, and a single line of 100 MB, come back byte for byte", async () => {
  farm = await Farm.start();
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  only:
    runs-on: linux
    steps:
      - run: openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 < /dev/zero 2>/dev/null | head -c 10485760 || true
      - run: head -c 104857600 /dev/zero | tr '\\0' 'x'
`,
  );
  const run = await farm.waitRunFinished(runId, 90_000);
  expect(run.conclusion).toBe("success");
  const [job] = await farm.jobs(runId);
  const random = await readLog(farm, { jobId: job?.id ?? 0, stream: "0" });
  const { createCipheriv } = await import("node:crypto");
  const expected = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(10_485_760));
  expect(random.equals(expected)).toBe(true);
  const line = await readLog(farm, { jobId: job?.id ?? 0, stream: "1" });
  expect(line.length).toBe(104_857_600);
  expect(line.equals(Buffer.alloc(104_857_600, "x"))).toBe(true);
  expect(await checkHistory(farm)).toEqual([]);
}, 120_000);

test("F26: a background process lives on for the next step, holds no step open, and is gone after the job", async () => {
  farm = await Farm.start();
  const marker = new Marker();
  const { runId } = await pushWorkflow(
    farm,
    `
on: push
jobs:
  only:
    runs-on: linux
    steps:
      - run: |
          trap '' TERM
          nohup sh -c 'trap "" TERM INT HUP; ${marker.openLine("nohup")}; sleep 1000' &
          setsid -f sh -c 'trap "" TERM INT HUP; ${marker.openLine("setsid")}; sleep 1000'
          (sh -c 'trap "" TERM INT HUP; ${marker.openLine("fork")}; env -i sleep 1000 &' &)
          ${marker.waitLine("nohup")}; ${marker.waitLine("setsid")}; ${marker.waitLine("fork")}
      - run: test "$(pgrep -c -f 'sleep 1000')" -ge 3
`,
  );
  const run = await farm.waitRunFinished(runId);
  expect(run.conclusion).toBe("success");
  const [attempt] = await farm.attempts(runId);
  expect(attempt?.receipt?.leftCount).toBe(0);
  expect(attempt?.receipt?.processesEndedCount).toBeGreaterThanOrEqual(3);
  expect(await checkHistory(farm)).toEqual([]);
});

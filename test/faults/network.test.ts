import { systemClock } from "@windrow/service";
import { afterEach, expect, test } from "vitest";
import { beginJob, GO } from "../kit/begin-job.ts";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { dropPackets, setLink, whyNoLinkFaults } from "../kit/link-faults.ts";
import { Marker } from "../kit/marker.ts";
import { createNamespaces, type Namespaces } from "../kit/namespaces.ts";
import { readLog } from "../kit/read-log.ts";
import { waitFor } from "../kit/wait-for.ts";

const reason = whyNoLinkFaults();
/** Suspect 15 s, lost 60 s, shortened fivefold. */
const TIMES = { suspectAfterMs: 3_000, lostAfterMs: 12_000, leaseMarginMs: 500, offerMs: 1_000 };
/** 40 s, shortened likewise. */
const PARTITION_MS = 8_000;
const FLAPS = 5;
const DOWN_MS = 1_500;
const UP_MS = 1_500;

let namespaces: Namespaces | undefined;
let farm: Farm | undefined;
afterEach(async () => {
  await farm?.stop();
  namespaces?.remove();
});

/** Writes a line every 50 ms until the gate opens, and then how many there were. */
const chatter = (marker: Marker): string => `
i=0
until [ -e ${marker.gateFile(GO)} ]; do i=$((i+1)); echo "line $i"; sleep 0.05; done
echo $i > ${marker.gateFile("count")}.new && mv ${marker.gateFile("count")}.new ${marker.gateFile("count")}`;

async function startFarm(): Promise<Farm> {
  namespaces = createNamespaces();
  farm = await Farm.start({ pool: TIMES, network: namespaces });
  return farm;
}

const agentRow = (of: Farm) =>
  of.db
    .selectFrom("agents")
    .select(["state", "session_no as sessionNo", "last_seen_at as lastSeenAt"])
    .where("name", "=", "agent-1")
    .executeTakeFirstOrThrow();

async function expectWholeLog(of: Farm, runId: number, marker: Marker): Promise<void> {
  const count = Number(marker.read("count"));
  expect(count).toBeGreaterThan(100);
  const lines = Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join("");
  const [job] = await of.jobs(runId);
  expect((await readLog(of, { jobId: job?.id ?? 0, stream: "0" })).toString()).toBe(`attempt 1\n${lines}`);
}

test("F09: an agent whose packets vanish for a while is suspect, loses nothing, and its log comes whole", async (context) => {
  context.skip(reason !== undefined, reason);
  const parted = await startFarm();
  const marker = new Marker();
  const { runId } = await beginJob(parted, { marker, script: chatter(marker) });
  const before = await agentRow(parted);
  const partition = dropPackets(namespaces?.agentNamespace("agent-1") ?? "");
  const cutAtMs = systemClock.monotonicMs();
  await waitFor("the agent to be suspect", async () => (await agentRow(parted)).state === "suspect", {
    withinMs: TIMES.suspectAfterMs * 2,
    describe: () => agentRow(parted),
  });
  // silence alone made it so: no connection was seen to end, and its last heartbeat may be one period old
  expect(systemClock.monotonicMs() - cutAtMs).toBeGreaterThan(TIMES.suspectAfterMs - 1_500);
  await systemClock.sleep(PARTITION_MS - (systemClock.monotonicMs() - cutAtMs));
  partition.heal();
  await waitFor("the agent to be ready again", async () => (await agentRow(parted)).state === "ready");
  marker.open(GO);
  expect((await parted.waitRunFinished(runId)).conclusion).toBe("success");
  expect((await parted.attempts(runId)).map(({ no, state }) => [no, state])).toEqual([[1, "finished"]]);
  expect((await agentRow(parted)).sessionNo).toBeLessThanOrEqual(before.sessionNo + 2);
  await expectWholeLog(parted, runId, marker);
  expect(await checkHistory(parted, { markers: marker.marks() })).toEqual([]);
}, 90_000);

test("F10: a cable that comes and goes costs one session a time at most, and starts nothing twice", async (context) => {
  context.skip(reason !== undefined, reason);
  const flapping = await startFarm();
  const marker = new Marker();
  const { runId } = await beginJob(flapping, { marker, script: chatter(marker) });
  const before = await agentRow(flapping);
  const namespace = namespaces?.agentNamespace("agent-1") ?? "";
  for (let flap = 0; flap < FLAPS; flap++) {
    setLink(namespace, "down");
    await systemClock.sleep(DOWN_MS);
    setLink(namespace, "up");
    await systemClock.sleep(UP_MS);
  }
  await waitFor("the agent to be ready", async () => (await agentRow(flapping)).state === "ready");
  marker.open(GO);
  expect((await flapping.waitRunFinished(runId)).conclusion).toBe("success");
  expect((await agentRow(flapping)).sessionNo).toBeLessThanOrEqual(before.sessionNo + FLAPS);
  expect((await flapping.attempts(runId)).map(({ no, state }) => [no, state])).toEqual([[1, "finished"]]);
  expect(marker.marks()).toHaveLength(1);
  await expectWholeLog(flapping, runId, marker);
  expect(await checkHistory(flapping, { markers: marker.marks() })).toEqual([]);
}, 90_000);

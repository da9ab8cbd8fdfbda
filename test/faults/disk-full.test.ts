import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findSandbox } from "@windrow/backends";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outsideFolder } from "../kit/agent-traces.ts";
import { checkHistory } from "../kit/check-history.ts";
import { type AgentProcess, Farm } from "../kit/farm.ts";
import { Marker } from "../kit/marker.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";
import { waitFor } from "../kit/wait-for.ts";

const MIB = 1024 * 1024;
const WORK_MIB = 24;
const OWN_MIB = 4;
const PIECES = 60;
const PIECE_BYTES = 65_536;

const found = await findSandbox(undefined);
const backends = ["host", ...("bwrap" in found ? ["sandbox"] : [])];
if (process.getuid?.() !== 0) test.skip("F23: disks of its own can be made by root alone");

describe.runIf(process.getuid?.() === 0).each(backends)(
  "F23: an agent whose disks are full, with jobs on the %s",
  (backend) => {
    let farm: Farm;
    let agent: AgentProcess;
    let work: string;
    let own: string;
    let pid: number;

    beforeAll(async () => {
      farm = await Farm.start({ agents: 0, slots: 2, agentEnv: { WINDROW_AGENT_BACKEND: backend } });
      // memory of its own, too: agents of this machine remove folders there whose agent they cannot see
      // closed to the users of slots, so that work folders stand apart from the agent's own
      const dir = join(farm.dir, "agents", "agent-1");
      mkdirSync(join(farm.dir, "agents"), { mode: 0o700 });
      const places = { own: dir, work: outsideFolder({ dir }) };
      for (const place of Object.values(places)) mkdirSync(place, { recursive: true });
      const script = `mount -t tmpfs -o mode=1777 none /dev/shm && mount -t tmpfs -o size=${OWN_MIB}m none "$1" && mount -t tmpfs -o size=${WORK_MIB}m,mode=711 none "$2" && shift 2 && exec "$@"`;
      const within = ["unshare", "--mount", "sh", "-c", script, "sh", places.own, places.work];
      agent = await farm.startAgent({ name: "agent-1", within });
      pid = agent.child.pid;
      own = `/proc/${pid}/root${places.own}`;
      work = `/proc/${pid}/root${places.work}`;
    });
    afterAll(() => farm?.stop());

    const free = (disk: string) => {
      const { bavail, bsize } = statfsSync(disk);
      return bavail * bsize;
    };
    const fill = (disk: string) => writeFileSync(join(disk, "ballast"), Buffer.alloc(free(disk), 1));
    const empty = (disk: string) => rmSync(join(disk, "ballast"));
    const start = (steps: string, name?: string) =>
      pushWorkflow(farm, `\non: push\njobs:\n  only:\n    runs-on: linux\n    steps:\n${steps}`, {
        ...(name !== undefined && { name }),
      });
    const log = async (runId: number, stream: string) => {
      const [job] = await farm.jobs(runId);
      return readLog(farm, { jobId: job?.id ?? 0, stream });
    };
    const state = async (runId: number) => (await farm.jobs(runId))[0]?.state;

    test("(a) a step that fills the workspace fails with the system's words, and later steps can make room", async () => {
      const { runId } = await start(`
      - run: head -c ${WORK_MIB * 2 * MIB} /dev/zero >big || echo "head ended with $?"; ls -l big; exit 7
      - if: always()
        run: rm big; echo made room
      - if: always()
        run: head -c ${MIB} /dev/zero >small && echo there is room
`);
      const run = await farm.waitRunFinished(runId);
      expect((await log(runId, "0")).toString()).toMatch(/No space left on device\nhead ended with 1\n/);
      expect((await log(runId, "1")).toString()).toBe("made room\n");
      expect((await log(runId, "2")).toString()).toBe("there is room\n");
      expect((await farm.jobs(runId))[0]).toMatchObject({ outcome: "failed", reason: "step_failed" });
      expect(run.conclusion).toBe("failure");
      expect(agent.child.pid).toBe(pid);
    });

    // the gates of what follows stand in the machine's /tmp, which a sandboxed job does not see
    if (backend === "sandbox") return;

    test("(a) a job that fills the disk and stays is ended with figures; its neighbour goes on", async () => {
      const marker = new Marker();
      const neighbour = await start(`
      - run: ${marker.openLine("neighbour")}; ${marker.waitLine("end")}; echo undisturbed
`);
      await waitFor("the neighbour", () => marker.isOpen("neighbour"));
      const { runId } = await start(`
      - run: head -c ${WORK_MIB * 2 * MIB} /dev/zero >big || echo full; while :; do head -c ${MIB} /dev/zero >>more 2>/dev/null || sleep 0.2; done
      - if: always()
        run: echo must not begin
`);
      await farm.waitRunFinished(runId);
      const [job] = await farm.jobs(runId);
      expect(job).toMatchObject({ outcome: "failed", reason: "disk_limit" });
      expect(job?.message).toMatch(
        /^The agent's disk has .* left, less than .*; this job's folders hold 2\d(\.\d)? MiB, the most of 2 running here$/,
      );
      expect((await log(runId, "0")).toString()).toMatch(/full\n$/);
      expect((await log(runId, "system")).toString()).toContain("this job's folders hold");
      marker.open("end");
      expect((await farm.waitRunFinished(neighbour.runId)).conclusion).toBe("success");
      expect((await log(neighbour.runId, "0")).toString()).toBe("undisturbed\n");
      expect(agent.child.pid).toBe(pid);
    });

    test("(b) a step waits when there is no room for its output, goes on when there is, and no byte is lost", async () => {
      const marker = new Marker();
      const progress = marker.gateFile("progress");
      const { runId } = await start(`
      - run: |
          head -c ${PIECE_BYTES} /dev/urandom >piece
          cp piece ${marker.gateFile("piece")} && chmod 644 ${marker.gateFile("piece")}
          ${marker.openLine("begun")}; ${marker.waitLine("go")}
          i=0; while [ $i -lt ${PIECES} ]; do cat piece; i=$((i + 1)); echo $i >${progress}; done
`);
      await waitFor("the step to begin", () => marker.isOpen("begun"));
      fill(work);
      marker.open("go");
      const done = () => (marker.isOpen("progress") ? Number(readFileSync(progress, "utf8")) : 0);
      // longer than it takes to find a job that could be ended for room: this one holds nothing
      const seen: number[] = [];
      await waitFor(
        "the step to stand still",
        () => {
          seen.push(done());
          const last = seen.slice(-50);
          return last.length === 50 && last.every((one) => one === last[0]);
        },
        { everyMs: 100 },
      );
      expect(done()).toBeLessThan(PIECES);
      expect(await state(runId)).toBe("running");
      empty(work);
      expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
      const expected = createHash("sha256");
      for (let no = 0; no < PIECES; no++) expected.update(readFileSync(marker.gateFile("piece")));
      const shipped = await log(runId, "0");
      expect(shipped.length).toBe(PIECES * PIECE_BYTES);
      expect(createHash("sha256").update(shipped).digest("hex")).toBe(expected.digest("hex"));
      expect(agent.child.pid).toBe(pid);
    });

    test("(c) an agent whose own folder is full takes no job, finishes what it has, and takes jobs again", async () => {
      const marker = new Marker();
      const { runId } = await start(`
      - run: ${marker.openLine("begun")}; ${marker.waitLine("go")}
      - run: echo second
      - run: 'false'
        continue-on-error: true
      - run: echo "last=word" >>"$GITHUB_ENV"
      - run: echo "the last $last"
`);
      await waitFor("the step to begin", () => marker.isOpen("begun"));
      const agentLog = () => readFileSync(agent.child.logFile, "utf8");
      const isSaidFull = () =>
        agentLog().lastIndexOf("the disk is full: no job is taken") > agentLog().lastIndexOf("there is room again");
      await waitFor("the agent to have room", () => !isSaidFull());
      fill(own);
      await waitFor("the agent to see it", isSaidFull);
      const other = await start("      - run: echo later\n");
      // the second slot is free all the time; what the first job leaves at its end may make room for another one
      let looks = 0;
      await waitFor("the agent to be looked at for a while", () => ++looks > 30, { everyMs: 100 });
      expect(await state(other.runId)).toBe("queued");
      expect(isSaidFull()).toBe(true);
      marker.open("go");
      expect((await farm.waitRunFinished(runId)).conclusion).toBe("success");
      expect((await log(runId, "4")).toString()).toBe("the last word\n");
      expect(free(own)).toBeLessThan(MIB);
      empty(own);
      expect((await farm.waitRunFinished(other.runId)).conclusion).toBe("success");
      expect(agent.child.pid).toBe(pid);
      await agent.child.line("ready");
      expect(await checkHistory(farm, { besideIdleMsMax: 60_000 })).toEqual([]);
    });
  },
);

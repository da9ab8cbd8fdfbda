import { afterAll, beforeAll, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import { Farm } from "../kit/farm.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { readLog } from "../kit/read-log.ts";

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ agents: 1 });
});
afterAll(() => farm?.stop());

const isRoot = process.getuid?.() === 0;

test.runIf(isRoot)(
  "a job cannot read the agent's files, spool or environment, nor reach the database's socket",
  async () => {
    const agent = farm.agent("agent-1");
    const socketDir = new URL(
      farm.connectionString.replace("postgres://", "http://").replace("@/", "@socket/"),
    ).searchParams.get("host");
    const { runId } = await pushWorkflow(
      farm,
      `
on: push
jobs:
  spy:
    runs-on: linux
    steps:
      - name: look around
        run: |
          id -u
          try() { if "$@" >/dev/null 2>&1; then echo "REACHED: $*"; else echo "refused: $*"; fi; }
          try test "$(id -u)" = 0
          try ls ${agent.dir}
          try cat ${agent.dir}/credential.json
          try cat ${agent.dir}/nats-key.json
          try cat ${agent.dir}/journal.jsonl
          try ls ${agent.dir}/sites
          try head -c 1 ${agent.dir}/sites/$WINDROW_ATTEMPT_ID/*
          for f in $(find ${agent.dir} -type f 2>/dev/null | grep -v "/work/"); do try head -c 1 "$f"; done
          try cat /proc/${agent.child.pid}/environ
          for p in /proc/[0-9]*; do if tr '\\0' '\\n' < $p/environ 2>/dev/null | grep -q WINDROW_AGENT_DIR; then echo "REACHED: $p/environ"; fi; done
          try ls ${socketDir}
          for s in ${socketDir}/.s.PGSQL.5432 ${socketDir}/.s.PGSQL.*; do try test -S "$s"; done
          try cat ${farm.nats.keysFile}
          try cat ${farm.dir}/admin-token
          try ls ${farm.dir}/data/blobs
          try sh -c "echo forged > ${agent.dir}/sites/forged"
          env | grep -c WINDROW_JOIN_TOKEN || echo "no join token in the environment"
`,
    );
    await farm.waitRunFinished(runId);
    const [job] = await farm.jobs(runId);
    const log = (await readLog(farm, { jobId: job?.id ?? 0, stream: "0" })).toString();
    expect(log).toContain(`refused: cat ${agent.dir}/credential.json`);
    expect(log).toContain(`refused: ls ${agent.dir}/sites`);
    expect(log).toContain(`refused: ls ${socketDir}`);
    expect(log).toContain(`refused: cat ${farm.nats.keysFile}`);
    expect(log).toContain("no join token in the environment");
    expect(log.split("\n").filter((line) => line.startsWith("REACHED"))).toEqual([]);
    expect(job?.outcome).toBe("succeeded");
    expect(await checkHistory(farm)).toEqual([]);
  },
);

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { JobSite } from "../src/index.ts";
import { findProcesses } from "./find-processes.ts";
import { createJobKit, runShell, waitUntil } from "./job-kit.ts";
import { heldBackends } from "./process-backends.ts";

const agents: ChildProcess[] = [];
const program = join(import.meta.dirname, "fixtures", "agent-that-dies.ts");

afterEach(() => {
  for (const agent of agents.splice(0)) agent.kill("SIGKILL");
});

async function startAgentOf(
  backend: string,
  {
    site,
    script,
    deadlineInMs = 60_000,
  }: { readonly site: JobSite; readonly script: string; readonly deadlineInMs: number | undefined },
): Promise<ChildProcess> {
  const words = [program, JSON.stringify(site), script, String(deadlineInMs), backend];
  const agent = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  agents.push(agent);
  await once(agent.stdout, "data");
  return agent;
}

async function killAgent(agent: ChildProcess): Promise<void> {
  agent.kill("SIGKILL");
  await once(agent, "exit");
}

describe.each(heldBackends)("F06: the agent is killed and comes back ($name)", ({ name, create }) => {
  const backend = create();
  const kit = createJobKit(backend);
  const startAgent = (site: JobSite, script: string, deadlineInMs?: number) =>
    startAgentOf(name, { site, script, deadlineInMs });

  it("finds a step that goes on, waits for its end, and runs the next", async () => {
    const site = await kit.newSite();
    await killAgent(await startAgent(site, "until [ -e go ]; do sleep 0.02; done; echo went on; exit 7"));
    const job = await backend.attachJob(site);
    if (job === undefined) throw new Error("the supervisor is gone");
    const waiting = job.waitStep(1);
    await writeFile(join(site.workDir, "go"), "");
    expect(await waiting).toMatchObject({ exitCode: 7, spoolBytes: 8 });
    expect((await runShell(job, { stepNo: 2, script: "echo second" })).output.toString()).toBe("second\n");
  });

  it("finds the end and all 100 MB of a step that ended while it was away", async () => {
    const site = await kit.newSite();
    const script = "until [ -e go ]; do sleep 0.02; done; head -c 100000000 /dev/urandom | tee copy; exit 3";
    await killAgent(await startAgent(site, script));
    await writeFile(join(site.workDir, "go"), "");
    await waitUntil("the end of the step", () =>
      access(join(site.siteDir, "steps", "1", "exit")).then(
        () => true,
        () => false,
      ),
    );
    const job = await backend.attachJob(site);
    expect(await job?.waitStep(1)).toMatchObject({ exitCode: 3, spoolBytes: 100_000_000 });
    expect(await sha256Of(job?.spoolPath(1) ?? "")).toBe(await sha256Of(join(site.workDir, "copy")));
  });

  it("does not start a step again that the earlier agent started", async () => {
    const site = await kit.newSite();
    await killAgent(await startAgent(site, "echo run >>runs; until [ -e go ]; do sleep 0.02; done"));
    const job = await backend.attachJob(site);
    await job?.startStep({ stepNo: 1, argv: ["sh", "-c", "echo again >>runs"], env: {}, cwd: site.workDir });
    await writeFile(join(site.workDir, "go"), "");
    await job?.waitStep(1);
    const runs = await runShell(job ?? expect.fail("gone"), { stepNo: 2, script: "cat ../runs" });
    expect(runs.output.toString()).toBe("run\n");
  });

  it("refuses to start a step beside one that the earlier agent started", async () => {
    const site = await kit.newSite();
    await killAgent(await startAgent(site, "sleep 600"));
    const job = await backend.attachJob(site);
    const starting = job?.startStep({ stepNo: 2, argv: ["true"], env: {}, cwd: site.workDir });
    await expect(starting).rejects.toMatchObject({ code: "step_running" });
  });

  it("is not needed for the job to end at its deadline", async () => {
    const site = await kit.newSite();
    const nap = `7100.${process.pid}`;
    await killAgent(
      await startAgent(site, `setsid nohup sleep ${nap} & trap '' INT TERM; sleep ${nap}; sleep ${nap}`, 1_500),
    );
    await waitUntil("the processes", async () => (await findProcesses(`sleep\0${nap}`)).length === 2);
    await waitUntil("the end of the job", async () => (await backend.attachJob(site)) === undefined);
    expect(await findProcesses(nap)).toEqual([]);
    const remains = await backend.readRemains(site);
    expect(remains?.endedByDeadline).toBe(true);
    expect(remains?.exits.get(1)).toMatchObject({ exitCode: 137 });
  });
});

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

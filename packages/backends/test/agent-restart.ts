import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { JobHandle, JobSite, StepBackend } from "../src/index.ts";
import type { TestDockerSettings } from "./docker-backend-of-test.ts";
import { findProcesses } from "./find-processes.ts";
import { createJobKit, testPath, waitUntil } from "./job-kit.ts";

const agents: ChildProcess[] = [];
const program = join(import.meta.dirname, "fixtures", "agent-that-dies.ts");

export interface AgentRestart {
  readonly name: string;
  readonly create: () => StepBackend;
  /** What another process makes the same backend of, where its name alone does not tell. */
  readonly docker?: TestDockerSettings;
}

async function startAgentOf(
  { name, docker }: AgentRestart,
  {
    site,
    script,
    deadlineInMs = 60_000,
  }: { readonly site: JobSite; readonly script: string; readonly deadlineInMs: number | undefined },
): Promise<ChildProcess> {
  const settings = docker === undefined ? [] : [JSON.stringify(docker)];
  const words = [program, JSON.stringify(site), script, String(deadlineInMs), name, ...settings];
  const agent = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  agents.push(agent);
  await once(agent.stdout, "data");
  return agent;
}

async function killAgent(agent: ChildProcess): Promise<void> {
  agent.kill("SIGKILL");
  await once(agent, "exit");
}

async function runScript(job: JobHandle, script: string, stepNo: number): Promise<string> {
  await job.startStep({ stepNo, argv: ["sh", "-c", script], env: { PATH: testPath }, cwd: job.site.workDir });
  const { spoolBytes } = await job.waitStep(stepNo);
  return (await readFile(job.spoolPath(stepNo))).subarray(0, spoolBytes).toString();
}

/** F06 on a backend whose jobs outlive their agent. */
export function describeAgentRestart(tried: AgentRestart): void {
  describe(`F06: the agent is killed and comes back (${tried.name})`, () => {
    const backend = tried.create();
    const kit = createJobKit(backend);
    afterEach(() => {
      for (const agent of agents.splice(0)) agent.kill("SIGKILL");
    });
    const startAgent = (site: JobSite, script: string, deadlineInMs?: number) =>
      startAgentOf(tried, { site, script, deadlineInMs });

    it("finds a step that goes on, waits for its end, and runs the next", async () => {
      const site = await kit.newSite();
      await killAgent(await startAgent(site, "until [ -e go ]; do sleep 0.02; done; echo went on; exit 7"));
      const job = await backend.attachJob(site);
      if (job === undefined) throw new Error("the supervisor is gone");
      const waiting = job.waitStep(1);
      await writeFile(join(site.workDir, "go"), "");
      expect(await waiting).toMatchObject({ exitCode: 7, spoolBytes: 8 });
      expect(await runScript(job, "echo second", 2)).toBe("second\n");
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
      expect(await runScript(job ?? expect.fail("gone"), "cat runs", 2)).toBe("run\n");
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
      // containers go a moment after the supervisor, by their guard
      await waitUntil("the end of the processes", async () => (await findProcesses(nap)).length === 0);
      const remains = await backend.readRemains(site);
      expect(remains?.endedByDeadline).toBe(true);
      expect(remains?.exits.get(1)).toMatchObject({ exitCode: 137 });
    });
  });
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

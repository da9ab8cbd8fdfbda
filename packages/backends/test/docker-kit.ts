import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONTAINER_ALLOWANCES_DEFAULT } from "@windrow/model";
import {
  bootClockMs,
  type ContainerEngine,
  type ContainerSpec,
  createDockerEngine,
  createHostBackend,
  type DockerEngineOptions,
  type EngineProgress,
  type JobContainers,
  type JobContainersRequest,
  type JobHandle,
  type JobSite,
} from "../src/index.ts";
import { TEST_IMAGES, type TestEngine } from "../src/testing.ts";

/** Jobs of one test file on one engine. */
export interface DockerKit {
  readonly engine: ContainerEngine;
  readonly agentDir: string;
  /** What was said while engines of the kit worked. */
  readonly said: string[];
  readonly progress: EngineProgress;
  /** A job whose supervisor runs. */
  openSite(): Promise<{ readonly site: JobSite; readonly job: JobHandle }>;
  open(
    request?: Partial<JobContainersRequest>,
  ): Promise<JobContainers & { readonly site: JobSite; readonly job: JobHandle }>;
  /** As after a restart of the agent. */
  anotherEngine(options?: Partial<DockerEngineOptions>): ContainerEngine;
  /** Ends the jobs that are open. */
  endJobs(): Promise<void>;
  remove(): Promise<void>;
}

export const AGENT_ID = "agent-of-the-test";

export function specOf(over: Partial<ContainerSpec> = {}): ContainerSpec {
  return { image: TEST_IMAGES.shell, env: {}, mounts: [], options: "", ports: [], volumes: [], ...over };
}

export async function createDockerKit(
  testEngine: TestEngine,
  options: Partial<DockerEngineOptions> = {},
): Promise<DockerKit> {
  const root = await mkdtemp(join(tmpdir(), "windrow-docker-"));
  await chmod(root, 0o711);
  const agentDir = join(root, "agent");
  for (const name of ["agent", "sites", "work"]) await mkdir(join(root, name), { recursive: true });
  const host = createHostBackend();
  const settings = { socket: testEngine.socket, agentId: AGENT_ID, agentDir, retryFirstMs: 10, ...options };
  const engine = createDockerEngine(settings);
  const said: string[] = [];
  const jobs: { site: JobSite; job: JobHandle }[] = [];
  let siteNo = 0;
  const kit: DockerKit = {
    engine,
    agentDir,
    said,
    progress: { say: (line) => said.push(line), signal: new AbortController().signal },
    async openSite() {
      const attemptId = `attempt-${++siteNo}`;
      const site: JobSite = {
        attemptId,
        siteDir: join(root, "sites", attemptId),
        workDir: join(root, "work", attemptId),
      };
      await mkdir(join(site.workDir, "workspace"), { recursive: true });
      const job = await host.openJob(site, { deadlineBootMs: bootClockMs() + 120_000 });
      jobs.push({ site, job });
      return { site, job };
    },
    async open(request = {}) {
      const { site, job } = await kit.openSite();
      const wanted: JobContainersRequest = {
        site,
        services: [],
        hasOutside: true,
        limits: {},
        allowances: CONTAINER_ALLOWANCES_DEFAULT,
        ...request,
      };
      return Object.assign(await engine.open(wanted, kit.progress), { site, job });
    },
    anotherEngine: (over = {}) => createDockerEngine({ ...settings, ...over }),
    async endJobs() {
      for (const { site, job } of jobs.splice(0)) {
        await job.closeJob();
        await engine.endRemains(site);
      }
    },
    async remove() {
      await kit.endJobs();
      await host.close();
      await engine.close();
      await rm(root, { recursive: true, force: true });
    },
  };
  return kit;
}

/** Runs a script in the job's container. */
export async function runInside(
  job: JobHandle,
  script: string,
  { stepNo = 1, env = {} }: { readonly stepNo?: number; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const argv = ["sh", "-c", script];
  await job.startStep({ stepNo, argv, env: { PATH: "/usr/bin:/bin", ...env }, cwd: "/", isInContainer: true });
  const { exitCode, spoolBytes } = await job.waitStep(stepNo);
  const spool = await readFile(job.spoolPath(stepNo));
  return { exitCode, output: spool.subarray(0, spoolBytes).toString("utf8") };
}

/** Runs a step that is a container of its own. */
export async function runStep(
  containers: JobContainers,
  stepNo: number,
  script: string,
  over: Partial<ContainerSpec> = {},
): Promise<{ readonly exitCode: number; readonly output: Buffer }> {
  const spec = specOf({ entrypoint: ["sh", "-c"], command: [script], ...over });
  await containers.startStep({ stepNo, spec });
  const { exitCode, spoolBytes } = await containers.waitStep(stepNo);
  const spool = await readFile(containers.spoolPath(stepNo));
  return { exitCode, output: spool.subarray(0, spoolBytes) };
}

import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";
import {
  bootClockMs,
  type JobHandle,
  type JobSite,
  prepareSlotUser,
  prepareWorkDir,
  releaseSlotUser,
  type SlotUser,
  type StepBackend,
  type StepExit,
} from "../src/index.ts";

export interface JobKit {
  /** A site of its own with a work folder, for a job that is closed after the test whatever happens. */
  newSite(): Promise<JobSite>;
  openJob(options?: { readonly deadlineInMs?: number }): Promise<JobHandle>;
  readonly rootDir: () => Promise<string>;
  readonly user: () => Promise<SlotUser | undefined>;
}

/** Jobs of one test file on one backend, under a user of their own when the tests run as root. */
export function createJobKit(backend: StepBackend, options: { readonly withUser?: boolean } = {}): JobKit {
  let root: Promise<string> | undefined;
  let user: Promise<SlotUser | undefined> | undefined;
  let siteNo = 0;
  const sites: JobSite[] = [];
  const kit: JobKit = {
    rootDir: () => {
      root ??= mkdtemp(join(tmpdir(), "windrow-backends-")).then(async (folder) => {
        await chmod(folder, 0o711);
        return folder;
      });
      return root;
    },
    user: () => {
      user ??= kit.rootDir().then((folder) => prepareSlotUser({ slotKey: folder, baseName: "windrow-test" }));
      return user;
    },
    async newSite() {
      const rootDir = await kit.rootDir();
      const slotUser = options.withUser === false ? undefined : await kit.user();
      const attemptId = `attempt-${++siteNo}`;
      const workDir = join(rootDir, "work", attemptId);
      await mkdir(join(rootDir, "sites"), { recursive: true, mode: 0o700 });
      await prepareWorkDir({ rootDir, workDir, user: slotUser });
      const site: JobSite = { attemptId, workDir, siteDir: join(rootDir, "sites", attemptId), user: slotUser };
      sites.push(site);
      return site;
    },
    async openJob({ deadlineInMs = 60_000 } = {}) {
      return backend.openJob(await kit.newSite(), { deadlineBootMs: bootClockMs() + deadlineInMs });
    },
  };
  afterEach(async () => {
    for (const site of sites.splice(0)) await backend.endRemains(site);
  });
  afterAll(async () => {
    const slotUser = await user;
    if (slotUser !== undefined) await releaseSlotUser(slotUser);
    if (root !== undefined) await rm(await root, { recursive: true, force: true });
  });
  return kit;
}

export const testPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface ShellStep {
  readonly stepNo?: number;
  readonly script: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `bash -e -c script` in the workspace. */
export async function startShell(job: JobHandle, { stepNo = 1, script, env = {} }: ShellStep): Promise<void> {
  const cwd = join(job.site.workDir, "workspace");
  await job.startStep({ stepNo, argv: ["bash", "-e", "-c", script], env: { PATH: testPath, ...env }, cwd });
}

export async function runShell(job: JobHandle, step: ShellStep): Promise<StepExit & { readonly output: Buffer }> {
  await startShell(job, step);
  const exit = await job.waitStep(step.stepNo ?? 1);
  const spool = await readFile(job.spoolPath(step.stepNo ?? 1));
  return { ...exit, output: spool.subarray(0, exit.spoolBytes) };
}

/** Asks again until the answer is there; fails after 10 s with what it waited for. */
export async function waitUntil<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const untilMs = performance.now() + 10_000;
  for (;;) {
    const answer = await look();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > untilMs) throw new Error(`waited 10 s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

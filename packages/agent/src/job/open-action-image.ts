import { dirname, join, normalize } from "node:path";
import { BackendFault, type EngineProgress, isBackendFault } from "@windrow/backends";
import { copyContext } from "./copy-context.ts";
import type { OpenJob } from "./open-job.ts";
import { IMAGE, type OpenedAction } from "./resolve-uses.ts";
import type { ActionWork } from "./step-frame.ts";
import { type Asked, untilEnded } from "./until-ended.ts";
import type { WorkEnd } from "./work-end.ts";

export interface ActionImage {
  /** Of the engine. */
  readonly imageId: string;
}

/**
 * Gets the image of a Docker action, by pulling it or from its Dockerfile, with words about it in the step's log. The end
 * of the step when it was ended meanwhile, or when there is no such image.
 */
export async function openActionImage(
  work: ActionWork,
  action: OpenedAction,
  image: string,
): Promise<Asked<ActionImage>> {
  const { job, log } = work.frame;
  const key = `step ${work.backendNo}`;
  const known = job.images.get(key);
  if (known !== undefined) {
    log.addImageAgain(work.backendNo);
    return { kind: "answer", value: { imageId: known } };
  }
  const words = log.beginImage(work.backendNo);
  try {
    const asked = await untilEnded(work, async (signal) => {
      const progress = { say: words.say, signal };
      return image.startsWith(IMAGE)
        ? pull(job, image.slice(IMAGE.length), progress)
        : build(job, action, image, progress);
    });
    if (asked.kind === "ended") return asked;
    const { imageId } = asked.value;
    await words.end();
    keepImage(job, key, imageId);
    return asked;
  } catch (error) {
    if (!isBackendFault(error) || !FAULTS_OF_STEPS.has(error.code)) throw error;
    return { kind: "ended", end: failed(error.message) };
  } finally {
    if (job.attempt.abandoned.aborted) words.leave();
    else await words.end();
  }
}

/** What the workflow asks wrongly, or may not have: the step's fault, not the machine's. */
const FAULTS_OF_STEPS: ReadonlySet<string> = new Set(["container_refused", "image_missing"]);

const failed = (fault: string): WorkEnd => ({ outcome: "failed", fault });

function keepImage(job: OpenJob, name: string, imageId: string): void {
  job.images.set(name, imageId);
  job.journal.append({ kind: "image", attemptId: job.attempt.attemptId, name, imageId });
}

/** The same name is the same image for all steps of the job, and for all jobs of the run where a registry gave it. */
async function pull(job: OpenJob, name: string, progress: EngineProgress): Promise<ActionImage> {
  const known = job.images.get(name);
  const { containers } = await job.engine.forActions(progress);
  if (known !== undefined) return { imageId: known };
  const pinned = await job.pins.find(name, progress.signal);
  const first = await containers.pullImage(pinned ?? name, progress);
  const found = pinned ?? digestOf(name, first);
  const held = await job.pins.settle(name, found, progress.signal);
  const { id: imageId } = held === found ? first : await containers.pullImage(held, progress);
  job.logs.say(`The image ${name} is ${held}`);
  keepImage(job, name, imageId);
  return { imageId };
}

/** By its registry, else by this engine alone. */
function digestOf(name: string, { id, digest }: { readonly id: string; readonly digest?: string }): string {
  if (digest === undefined) return id;
  // a port of the registry stands before the last slash, a tag behind it
  const repository = name.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  return `${repository}@${digest.slice(digest.indexOf("@") + 1)}`;
}

async function build(
  job: OpenJob,
  { dir, isLocal }: OpenedAction,
  image: string,
  progress: EngineProgress,
): Promise<ActionImage> {
  const path = normalize(image);
  if (path.startsWith("/") || path.split("/").includes("..")) {
    throw new BackendFault("container_refused", `the Dockerfile '${image}' stands outside its action`);
  }
  const { containers, networkEnv } = await job.engine.forActions(progress);
  const args = findProxies(networkEnv);
  const contextDir = dirname(join(dir, path));
  const dockerfile = path.slice(path.lastIndexOf("/") + 1);
  const { id } = isLocal
    ? await copyContext(job, contextDir, (copyDir) =>
        containers.buildImage({ contextDir: copyDir, dockerfile, args }, progress),
      )
    : await containers.buildImage({ contextDir, dockerfile, args }, progress);
  job.logs.say(`The image of ${image} is ${id}`);
  return { imageId: id };
}

const PROXY_VARIABLE = /^(?:https?|ftp|no)_proxy$/i;

/** Every Dockerfile has these arguments without asking for them, and no image keeps them. */
function findProxies(networkEnv: { readonly [name: string]: string }): { readonly [name: string]: string } {
  return Object.fromEntries(Object.entries(networkEnv).filter(([name]) => PROXY_VARIABLE.test(name)));
}

import { createHash } from "node:crypto";
import { retry, systemClock } from "@windrow/service";
import type Docker from "dockerode";
import { BackendFault } from "../backend-fault.ts";
import type { EngineProgress, RegistryCredentials } from "./container-engine.ts";
import { explainEngine, ifThere, statusOf, wordsOf } from "./engine-connection.ts";
import { type EngineNews, followProgress } from "./follow-progress.ts";
import type { ImageLedger } from "./image-ledger.ts";
import { type ImageName, OWN_IMAGES, readImageName } from "./image-name.ts";

export interface PulledImage {
  readonly id: string;
  readonly digest?: string;
}

export interface ImagePullerOptions {
  readonly docker: Docker;
  readonly ledger: ImageLedger;
  /** By registry. What these open is open to every job of the agent. */
  readonly registryAuth: Readonly<Record<string, RegistryCredentials>>;
  readonly retryFirstMs?: number | undefined;
}

interface PullRequest {
  readonly image: string;
  readonly credentials?: RegistryCredentials | undefined;
  readonly platform?: string | undefined;
}

/** What was pulled so lately is not asked for again. */
const FRESH_MS = 5 * 60_000;
const SAY_EVERY_MS = 5_000;
const TRIES_MAX = 4;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 15_000;
const FRESH_COUNT_MAX = 1_000;
/** With the image on the machine, nobody waits longer than this for a registry that says nothing. */
const SILENCE_MS_MAX = 10_000;
/** Nor asks a registry soon again that could not be reached. */
const AWAY_MS = 5 * 60_000;

/**
 * Images from registries. Those that a job's own credentials opened are kept under a name that no workflow can name, so
 * that another job has to show its own: what is on the machine is otherwise there for all.
 */
export class ImagePuller {
  #options: ImagePullerOptions;
  /** When an image was last asked for, by what was asked. */
  #fresh = new Map<string, { readonly atMs: number; readonly image: PulledImage }>();
  /** Until when a registry counts as away. */
  #away = new Map<string, number>();

  constructor(options: ImagePullerOptions) {
    this.#options = options;
  }

  /** Throws `container_refused`, `image_missing`, `engine_failed`, the signal's reason. */
  async pull(request: PullRequest, progress: EngineProgress): Promise<PulledImage> {
    const { ledger } = this.#options;
    const name = readImageName(request.image);
    const key = keyOf(request);
    const fresh = this.#fresh.get(key);
    const isFresh = fresh !== undefined && systemClock.monotonicMs() - fresh.atMs < FRESH_MS;
    const known = isFresh
      ? (await this.#inspect(fresh.image.id)) && fresh.image
      : name.isPinned && request.credentials === undefined
        ? await this.#inspect(name.full)
        : undefined;
    const image = known ?? (await this.#pullAgain(request, name, progress));
    ledger.touch(image.id);
    // what is asked for most lately stands last
    this.#fresh.delete(key);
    this.#fresh.set(key, { atMs: isFresh ? fresh.atMs : systemClock.monotonicMs(), image });
    const [oldest] = this.#fresh.keys();
    if (this.#fresh.size > FRESH_COUNT_MAX && oldest !== undefined) this.#fresh.delete(oldest);
    return image;
  }

  async #pullAgain(request: PullRequest, name: ImageName, progress: EngineProgress): Promise<PulledImage> {
    const { signal, say } = progress;
    const here = request.credentials === undefined ? await this.#inspect(name.full) : undefined;
    if (here !== undefined && (this.#away.get(name.registry) ?? 0) > systemClock.monotonicMs()) {
      say(`${name.full}: its registry could not be reached a while ago; the one that is on this machine is used`);
      return here;
    }
    try {
      return await retry(() => this.#pullOnce(request, name, progress, { isHere: here !== undefined }), {
        clock: systemClock,
        signal,
        triesMax: here === undefined ? TRIES_MAX : 1,
        firstMs: this.#options.retryFirstMs ?? RETRY_FIRST_MS,
        maxMs: RETRY_MAX_MS,
        isRetryable: (error) => verdictOf(error) === "unreachable",
        onRetry: ({ delayMs, error }) =>
          say(`Pulling ${name.full} failed, again in ${Math.ceil(delayMs / 1_000)} s: ${wordsOf(error)}`),
      });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const verdict = verdictOf(error);
      const words = wordsOf(error);
      const local = verdict === "denied" ? undefined : await this.#inspect(name.full);
      if (local !== undefined) {
        if (verdict === "unreachable") this.#away.set(name.registry, systemClock.monotonicMs() + AWAY_MS);
        say(`${name.full} could not be pulled (${words}); the one that is on this machine is used`);
        return local;
      }
      if (verdict === "unreachable") throw explainEngine(`${name.full} could not be pulled`, error, signal);
      throw new BackendFault("image_missing", `the image ${name.full} could not be pulled: ${words}`, { cause: error });
    }
  }

  async #pullOnce(
    request: PullRequest,
    name: ImageName,
    progress: EngineProgress,
    { isHere }: { readonly isHere: boolean },
  ): Promise<PulledImage> {
    const { docker, ledger, registryAuth } = this.#options;
    const { signal, say } = progress;
    const beganMs = systemClock.monotonicMs();
    const own = request.credentials;
    const credentials = own ?? registryAuth[name.registry];
    const auth = credentials && { ...credentials, serveraddress: name.registry };
    const { platform } = request;
    say(`Pulling ${name.full}`);
    const silence = new AbortController();
    const why = new Error(`its registry said nothing for ${SILENCE_MS_MAX / 1_000} s`);
    const timer = setTimeout(() => isHere && silence.abort(why), SILENCE_MS_MAX);
    const layers = new Layers((line) => say(`${name.full}: ${line}`));
    try {
      const stream = await docker.createImage(auth, {
        fromImage: name.full,
        ...(platform !== undefined && { platform }),
        abortSignal: AbortSignal.any([signal, silence.signal]),
      });
      await followProgress(stream, (news) => {
        timer.refresh();
        layers.take(news);
      });
    } catch (error) {
      throw silence.signal.aborted ? why : error;
    } finally {
      clearTimeout(timer);
    }
    const found = await docker.getImage(name.full).inspect();
    const image = describe(found.Id, found.RepoDigests, name.full);
    const tookSeconds = ((systemClock.monotonicMs() - beganMs) / 1_000).toFixed(1);
    say(`Pulled ${name.full} (${image.digest ?? image.id}) in ${tookSeconds} s`);
    const isNew = layers.hasBroughtSome;
    if (own !== undefined) {
      const hidden = `${OWN_IMAGES}private:${found.Id.replace("sha256:", "")}`;
      const [repo = "", tag = ""] = hidden.split(":");
      await docker.getImage(found.Id).tag({ repo, tag });
      // what was there before for all stays there for all
      if (isNew || ledger.list().some((one) => one.id === found.Id && one.names.includes(hidden))) {
        for (const one of [name.full, ...(found.RepoDigests ?? [])]) {
          await ifThere(() => docker.getImage(one).remove({ noprune: true }));
        }
      }
      ledger.put({ id: found.Id, name: hidden, bytes: found.Size });
    } else if (isNew || ledger.has(found.Id)) ledger.put({ id: found.Id, name: name.full, bytes: found.Size });
    return image;
  }

  async #inspect(image: string): Promise<PulledImage | undefined> {
    const found = await ifThere(() => this.#options.docker.getImage(image).inspect());
    return found && describe(found.Id, found.RepoDigests, image);
  }
}

/** Many layers, few lines. */
class Layers {
  hasBroughtSome = false;
  #say: (line: string) => void;
  #bytes = new Map<string, { current: number; total: number }>();
  #saidAtMs = systemClock.monotonicMs();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  take({ status, id, progressDetail }: EngineNews): void {
    if (status?.startsWith("Status: Downloaded newer image") === true) this.hasBroughtSome = true;
    if (id === undefined || progressDetail?.total === undefined || status !== "Downloading") return;
    this.#bytes.set(id, { current: progressDetail.current ?? 0, total: progressDetail.total });
    const nowMs = systemClock.monotonicMs();
    if (nowMs - this.#saidAtMs < SAY_EVERY_MS) return;
    this.#saidAtMs = nowMs;
    const sum = { current: 0, total: 0 };
    for (const { current, total } of this.#bytes.values()) {
      sum.current += current;
      sum.total += total;
    }
    this.#say(`${toMegabytes(sum.current)} of ${toMegabytes(sum.total)} MB`);
  }
}

function toMegabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function describe(id: string, repoDigests: readonly string[] | undefined, name: string): PulledImage {
  const repository = shorten(name.replace(/@.*$/, "").replace(/:[^/:]*$/, ""));
  // the same image may have come from another registry, which this one need not know by that digest
  const own = repoDigests?.find((one) => shorten(one).startsWith(`${repository}@`));
  const digest = own?.slice(own.indexOf("@") + 1);
  return { id, ...(digest !== undefined && { digest }) };
}

/** As the engine writes names of its default registry. */
const shorten = (name: string): string => name.replace(/^(?:index\.)?docker\.io\//, "").replace(/^library\//, "");

function keyOf({ image, credentials, platform }: PullRequest): string {
  const hash = createHash("sha256").update(JSON.stringify([image, credentials, platform]));
  return hash.digest("hex");
}

/** What a registry or the engine means by its words; it has no other way to say it. */
function verdictOf(error: unknown): "denied" | "missing" | "unreachable" {
  if (error instanceof BackendFault) return "unreachable";
  const words = wordsOf(error);
  if (/repository does not exist/i.test(words)) return "missing";
  if (/denied|unauthorized|authentication required|no basic auth credentials|forbidden/i.test(words)) return "denied";
  if (/manifest unknown|not found|no such image|name unknown|name not known|no matching manifest/i.test(words))
    return "missing";
  const status = statusOf(error);
  if (status === 400 || /invalid reference/i.test(words)) return "missing";
  return "unreachable";
}

import { execFile } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { hasCode } from "@windrow/service";
import type { EmbeddedPlaces } from "../config.ts";
import { EmbeddedError } from "../embedded-error.ts";
import { fetchNatsRelease, NATS_RELEASE, type NatsRelease } from "./fetch-nats-release.ts";

const NAME = "nats-server";
const APT_TIMEOUT_MS = 180_000;
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
const run = promisify(execFile);

/**
 * Finds nats-server: on the PATH, in our cache, or, on Debian and Ubuntu, by fetching its package into the cache (no root
 * needed, nothing is installed, no system service appears), else by fetching one pinned official release there. `tell`
 * hears of what is fetched. Throws `binary_missing` with the way to get it.
 */
export async function findNatsServer(
  places: EmbeddedPlaces,
  tell: (line: string) => void,
  release: NatsRelease = NATS_RELEASE,
): Promise<string> {
  const installed = findProgram(NAME, places.programFolders);
  if (installed !== undefined) return installed;
  const cached = join(places.cacheDir, NAME, NAME);
  if (isExecutable(cached)) return cached;
  const whys = ["it is not on the PATH"];
  if (["apt-get", "dpkg"].every((tool) => findProgram(tool, places.programFolders) !== undefined)) {
    tell("fetching nats-server from Debian's packages, this once (up to a minute)");
    try {
      await fetchPackage(cached, places.cacheDir);
      return cached;
    } catch (error) {
      whys.push(`fetching its Debian package failed (${describeFailure(error)})`);
    }
  }
  tell(`fetching the official release ${release.version} of nats-server, this once`);
  try {
    await fetchNatsRelease(release, cached);
    return cached;
  } catch (cause) {
    whys.push(`fetching its official release failed (${describeFailure(cause)})`);
    throw missing(whys.join(", "), cause);
  }
}

function missing(why: string, cause: unknown): EmbeddedError {
  const how = `install it ("apt-get install nats-server", or a release from https://github.com/nats-io/nats-server/releases) so that it is on the PATH, and start again.`;
  return new EmbeddedError("binary_missing", `nats-server is missing: ${why}; ${how}`, { cause });
}

async function fetchPackage(target: string, cacheDir: string): Promise<void> {
  mkdirSync(cacheDir, { recursive: true });
  const work = mkdtempSync(join(cacheDir, "fetch-"));
  try {
    try {
      await apt(["download", NAME], work);
    } catch {
      // Usually because the machine's package lists are missing or old: use lists of our own, which needs no root.
      mkdirSync(join(work, "lists", "partial"), { recursive: true });
      mkdirSync(join(work, "cache", "archives", "partial"), { recursive: true });
      const own = [`-oDir::State::lists=${join(work, "lists")}`, `-oDir::Cache=${join(work, "cache")}`];
      await apt([...own, "-oAPT::Update::Error-Mode=any", "update"], work);
      await apt([...own, "download", NAME], work);
    }
    const file = readdirSync(work).find((name) => name.endsWith(".deb"));
    if (file === undefined) throw new Error("no package arrived");
    await run("dpkg", ["-x", join(work, file), join(work, "tree")]);
    const binary = findProgram(NAME, [join(work, "tree/usr/sbin"), join(work, "tree/usr/bin")]);
    if (binary === undefined) throw new Error(`${file} holds no ${NAME}`);
    await run(binary, ["--version"]);
    chmodSync(binary, 0o755);
    mkdirSync(join(target, ".."), { recursive: true });
    // By rename: another start may be doing the same at the same moment.
    renameSync(binary, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function apt(args: readonly string[], cwd: string): Promise<void> {
  const quiet = ["-q", "-oAPT::Sandbox::User=root", "-oAcquire::Retries=2", "-oAcquire::http::Timeout=20"];
  const options = { cwd, timeout: APT_TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX };
  await run("apt-get", [...quiet, ...args], options);
}

function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // fetch itself says no more than that it failed
  if (error.cause instanceof Error) return error.cause.message;
  const stderr = "stderr" in error && typeof error.stderr === "string" ? error.stderr : "";
  return stderr.split("\n").find((line) => line.startsWith("E:")) ?? error.message.split("\n")[0] ?? "no reason given";
}

function findProgram(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES", "ENOTDIR", "ELOOP")) return false;
    throw error;
  }
}

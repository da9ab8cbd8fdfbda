import { chmod, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import { HOOK_SCRIPTS } from "./hook-scripts.ts";

/** One push may bring this much, packed. */
export const PUSH_BYTES_MAX = 2 * 1024 ** 3;

/** No push lasts longer. */
const SESSION_MS_MAX = 24 * 3600 * 1000;

/** Where git finds everything that we decide and nothing that a machine's owner configured for themselves. */
export interface GitEnvironment {
  /** Repositories: OWNER/NAME.git. */
  readonly gitDir: string;
  /** One folder per push in progress. */
  readonly sessionsDir: string;
  /** A bare repository without any object, for a first push to a name that does not exist yet. */
  readonly emptyRepository: string;
  /** The environment of every git process. */
  readonly env: Readonly<Record<string, string>>;
}

const configText = (hooksDir: string): string => `[core]
	hooksPath = ${quote(hooksDir)}
	logAllRefUpdates = false
[safe]
	directory = *
[receive]
	fsckObjects = true
	maxInputSize = ${PUSH_BYTES_MAX}
	advertisePushOptions = true
	denyDeletes = false
	denyDeleteCurrent = refuse
	autogc = true
	keepAlive = 5
[receive "fsck"]
	badTimezone = warn
	missingSpaceBeforeDate = warn
	missingSpaceBeforeEmail = warn
	missingNameBeforeEmail = warn
	zeroPaddedFilemode = warn
	duplicateEntries = warn
[http]
	receivepack = true
	uploadpack = true
	getanyfile = false
[uploadpack]
	allowAnySHA1InWant = true
	allowReachableSHA1InWant = true
	allowTipSHA1InWant = true
	allowFilter = true
	hideRefs = refs/windrow
[protocol]
	allow = never
[gc]
	auto = 6700
	pruneExpire = never
[maintenance]
	auto = false
`;

/**
 * Writes hooks and configuration below the data folder (controllers that share it write the same). Call once at start,
 * before any git process.
 */
export async function prepareGitEnvironment(options: {
  readonly dataDir: string;
  readonly path: string;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}): Promise<GitEnvironment> {
  const gitDir = join(options.dataDir, "git");
  const controlDir = join(options.dataDir, "git-control");
  const hooksDir = join(controlDir, "hooks");
  const homeDir = join(controlDir, "home");
  const sessionsDir = join(controlDir, "sessions");
  const emptyRepository = join(controlDir, "empty", "empty.git");
  // jobs run as other users on the same machine: what is pushed here is none of theirs
  for (const dir of [gitDir, controlDir]) await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const dir of [hooksDir, homeDir, sessionsDir]) await mkdir(dir, { recursive: true });
  for (const part of ["objects/info", "objects/pack", "refs/heads", "refs/tags"]) {
    await mkdir(join(emptyRepository, part), { recursive: true });
  }
  await put(join(emptyRepository, "HEAD"), "ref: refs/heads/main\n");
  await put(join(emptyRepository, "config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n");
  await removeOldSessions(sessionsDir, options.nowMs);
  for (const [name, script] of Object.entries(HOOK_SCRIPTS)) await put(join(hooksDir, name), script, 0o755);
  const config = join(controlDir, "config");
  await put(config, configText(hooksDir));
  return {
    gitDir,
    sessionsDir,
    emptyRepository,
    env: {
      PATH: options.path,
      HOME: homeDir,
      LC_ALL: "C",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: config,
      GIT_TERMINAL_PROMPT: "0",
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_HTTP_MAX_REQUEST_BUFFER: "10M",
    },
  };
}

/** What a controller that was killed left of its pushes. Others that share the folder may be in the middle of theirs. */
async function removeOldSessions(sessionsDir: string, nowMs: number): Promise<void> {
  for (const name of await readdir(sessionsDir)) {
    const dir = join(sessionsDir, name);
    const found = await stat(dir).catch(ignoreMissing);
    if (found !== undefined && nowMs - found.mtimeMs > SESSION_MS_MAX) await rm(dir, { recursive: true, force: true });
  }
}

function ignoreMissing(error: unknown): undefined {
  if (hasCode(error, "ENOENT")) return undefined;
  throw error;
}

/** A value in a git configuration file. */
function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

async function put(file: string, text: string, mode = 0o644): Promise<void> {
  const draft = `${file}.${process.pid}`;
  try {
    await writeFile(draft, text, { mode });
    await chmod(draft, mode);
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}

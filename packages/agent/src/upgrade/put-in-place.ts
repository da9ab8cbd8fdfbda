import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { hasCode } from "@windrow/service";
import { type Bundle, readManifest } from "./read-bundle.ts";

const run = promisify(execFile);
const TOOL_MS_MAX = 120_000;

/** While it stands there, the version in use has not been welcomed yet; it names the version before. */
const PENDING_FILE = "upgrading";
const TRIED_FILE = "upgrading.tried";

/** Where a version is unpacked and downloaded before it counts. */
export const draftOf = (bundle: Bundle, version: string): string => join(bundle.baseDir, "versions", `.new-${version}`);

/**
 * Unpacks an archive beside the version in use, checks every file of it and that its Node starts here, and makes it the one
 * that the next start takes. Throws and leaves everything as it was when anything of that fails.
 */
export async function putInPlace(bundle: Bundle, version: string, archive: string): Promise<void> {
  const draft = draftOf(bundle, version);
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o755 });
  try {
    await run("tar", ["-xzf", archive, "-C", draft], { timeout: TOOL_MS_MAX });
    await checkFiles(draft, version, bundle.platform);
    await run(join(draft, "bin", "node"), ["--version"], { timeout: TOOL_MS_MAX, env: {} });
    const place = join(bundle.baseDir, "versions", version);
    await rm(place, { recursive: true, force: true });
    await rename(draft, place);
    await toDisk(dirname(place));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  await rm(join(bundle.baseDir, TRIED_FILE), { force: true });
  // first the way back, then the way on
  await writeFile(join(bundle.baseDir, PENDING_FILE), `${basename(bundle.dir)}\n`, { flush: true });
  const link = join(bundle.baseDir, `.current-${process.pid}`);
  await rm(link, { force: true });
  await symlink(`versions/${version}`, link);
  await rename(link, join(bundle.baseDir, "current"));
}

/** The farm has welcomed this version: there is no going back from it. Versions older than the one before are removed. */
export async function confirmVersion(bundle: Bundle): Promise<void> {
  const pending = join(bundle.baseDir, PENDING_FILE);
  const before = await readFile(pending, "utf8").catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  });
  if (before === undefined) return;
  await rm(pending, { force: true });
  await rm(join(bundle.baseDir, TRIED_FILE), { force: true });
  const versionsDir = join(bundle.baseDir, "versions");
  const kept = [basename(bundle.dir), before.trim()];
  for (const name of await readdir(versionsDir)) {
    if (!kept.includes(name)) await rm(join(versionsDir, name), { recursive: true, force: true });
  }
}

async function checkFiles(dir: string, version: string, platform: string): Promise<void> {
  const manifest = readManifest(dir);
  if (manifest.version !== version || manifest.platform !== platform) {
    throw new Error(`the archive holds ${manifest.version} for ${manifest.platform}, not ${version} for ${platform}`);
  }
  for (const [path, sha256] of Object.entries(manifest.files)) {
    const hash = createHash("sha256");
    for await (const part of createReadStream(join(dir, path))) hash.update(part);
    if (hash.digest("hex") !== sha256) throw new Error(`${path} of the archive is damaged`);
    await toDisk(join(dir, path));
  }
  await toDisk(join(dir, "manifest.json"));
}

/** The link to a version must not outlive the version when the power goes. */
async function toDisk(path: string): Promise<void> {
  const file = await open(path);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

const SOURCES = ["build-agent-bundle.ts", "tar-entry.ts"];

/**
 * Node compressed for agents' bundles is the same for every farm, and seconds of work: one test leaves it to the next in a
 * folder that is named for what makes it.
 */
export function lendNodeParts(bundlesDir: string): void {
  const shared = sharedFolder();
  mkdirSync(bundlesDir, { recursive: true });
  for (const name of nodeParts(shared)) copyFileSync(join(shared, name), join(bundlesDir, name));
}

/** Keeps what a farm's builder made for the next test. */
export function keepNodeParts(bundlesDir: string): void {
  const shared = sharedFolder();
  for (const name of nodeParts(bundlesDir)) {
    if (existsSync(join(shared, name))) continue;
    const draft = join(shared, `.draft-${process.pid}-${name}`);
    copyFileSync(join(bundlesDir, name), draft);
    renameSync(draft, join(shared, name));
  }
}

function nodeParts(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir).filter((name) => /^node-[\w.-]+\.gz$/.test(name)) : [];
}

function sharedFolder(): string {
  const hash = createHash("sha256");
  for (const name of SOURCES) {
    hash.update(readFileSync(new URL(`../../packages/controller/src/install/${name}`, import.meta.url)));
  }
  const { uid } = userInfo();
  const dir = join(tmpdir(), `windrow-node-parts-${uid}-${hash.digest("hex").slice(0, 12)}`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const facts = lstatSync(dir);
  if (!facts.isDirectory() || facts.uid !== uid) throw new Error(`${dir} is somebody else's: remove it`);
  return dir;
}

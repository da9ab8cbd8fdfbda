import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** One official release: nothing else than exactly these bytes is ever unpacked. */
export interface NatsRelease {
  readonly version: string;
  /** The folder that holds the archive, without a slash at its end. */
  readonly url: string;
  /** By Node's name of the processor. */
  readonly archives: Readonly<Record<string, { readonly name: string; readonly sha256: string }>>;
}

const VERSION = "2.12.15";

/** The checksums are those of the release's own SHA256SUMS, as the official container image of this version pins them. */
export const NATS_RELEASE: NatsRelease = {
  version: VERSION,
  url: `https://github.com/nats-io/nats-server/releases/download/v${VERSION}`,
  archives: {
    x64: {
      name: `nats-server-v${VERSION}-linux-amd64`,
      sha256: "58ab8131f819263897e2fc38e503e1b755b63bcafeecc7d12582487df48ca15e",
    },
    arm64: {
      name: `nats-server-v${VERSION}-linux-arm64`,
      sha256: "b724db99fefbf8f5c808baa82819ee50350aee9734017e4a478f7e545cef3ab6",
    },
  },
};

const FETCH_TIMEOUT_MS = 180_000;
const ARCHIVE_BYTES_MAX = 64 * 1024 * 1024;
const run = promisify(execFile);

/**
 * Fetches the release for this processor and puts its program at `target`. Throws when there is none, when it cannot be
 * fetched, and when a single byte of it differs from what is pinned.
 */
export async function fetchNatsRelease(release: NatsRelease, target: string): Promise<void> {
  const archive = process.platform === "linux" ? release.archives[process.arch] : undefined;
  if (archive === undefined) throw new Error(`there is none for ${process.platform} on ${process.arch}`);
  const bytes = await download(`${release.url}/${archive.name}.tar.gz`);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== archive.sha256) {
    throw new Error(`what came is not the release: its SHA-256 is ${sha256}, not ${archive.sha256}`);
  }
  mkdirSync(dirname(target), { recursive: true });
  const work = mkdtempSync(join(dirname(target), "fetch-"));
  try {
    const file = join(work, "release.tar.gz");
    writeFileSync(file, bytes);
    const program = `${archive.name}/nats-server`;
    await run("tar", ["-xzf", file, "-C", work, program]);
    chmodSync(join(work, program), 0o755);
    await run(join(work, program), ["--version"]);
    // By rename: another start may be doing the same at the same moment.
    renameSync(join(work, program), target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function download(url: string): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let lengthBytes = 0;
  for await (const chunk of response.body ?? []) {
    lengthBytes += chunk.length;
    if (lengthBytes > ARCHIVE_BYTES_MAX) throw new Error(`${url} is larger than ${ARCHIVE_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline } from "node:stream/promises";
import { CONTROLLER_NAME } from "@windrow/certificates";

export interface FetchArchiveOptions {
  readonly url: string;
  /** PEM of the farm's authority, which alone is trusted then; the machine's authorities when absent. */
  readonly authority: string | undefined;
  readonly sha256: string;
  readonly file: string;
  readonly signal: AbortSignal;
}

const ARCHIVE_BYTES_MAX = 512 * 1024 * 1024;

/** Thrown when what came is not what was promised: fetching it again would not change that. */
export class ArchiveMismatch extends Error {
  readonly code = "archive_mismatch";
}

/** Downloads to a file and compares its SHA-256. Throws what kept it from that. */
export async function fetchArchive({ url, authority, sha256, file, signal }: FetchArchiveOptions): Promise<void> {
  const isTls = url.startsWith("https:");
  const trust = isTls && authority !== undefined ? { ca: authority, servername: CONTROLLER_NAME } : {};
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const send = isTls ? httpsRequest : httpRequest;
    const request = send(url, { signal, agent: false, ...trust }, resolve);
    request.on("error", reject);
    request.end();
  });
  if (response.statusCode !== 200) {
    response.resume();
    throw new Error(`${url} answered ${response.statusCode}`);
  }
  const hash = createHash("sha256");
  let bytesCount = 0;
  await pipeline(
    response,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        bytesCount += chunk.length;
        if (bytesCount > ARCHIVE_BYTES_MAX) throw new Error(`${url} has more than ${ARCHIVE_BYTES_MAX} bytes`);
        hash.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(file, { mode: 0o600 }),
    { signal },
  );
  if (hash.digest("hex") !== sha256)
    throw new ArchiveMismatch(`what ${url} answered is not what the controller promised`);
}

import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { TarError } from "../actions/tar-entry.ts";
import { createTarUnpacker } from "../actions/unpack-tar.ts";

/** One version of a package as the registry lists it. */
export interface PackageVersion {
  readonly version: string;
  readonly tarball: string;
  /** Subresource integrity; `sha512-…` is asked for. */
  readonly integrity: string;
  readonly isDeprecated: boolean;
}

/** What packages are had from. Calls throw `RegistryError`. */
export interface NpmRegistry {
  readonly url: string;
  /** Every version that has a sha512. */
  list(name: string, signal: AbortSignal): Promise<PackageVersion[]>;
  /** Unpacks a version below `dir` (in a folder `package`, as it is packed), when its bytes are those the registry names. */
  unpack(version: PackageVersion, dir: string, signal: AbortSignal): Promise<{ readonly bytesCount: number }>;
}

/** The registry cannot be reached, has no such package, or gave other bytes than it names. */
export class RegistryError extends Error {
  readonly code = "registry";

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = "RegistryError";
  }
}

const LIST_BYTES_MAX = 64 * 1024 * 1024;
const PACKAGE_BYTES_MAX = 512 * 1024 * 1024;
/** Of one package, as files. */
const UNPACKED_BYTES_MAX = 2 * 1024 * 1024 * 1024;
const LIST_MS_MAX = 30_000;
const UNPACK_MS_MAX = 600_000;

export function createNpmRegistry(registryUrl: string): NpmRegistry {
  const url = registryUrl.replace(/\/+$/, "");

  async function ask(
    address: string,
    options: { signal: AbortSignal; msMax: number; accept: string },
  ): Promise<Response> {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.msMax)]);
    try {
      const response = await fetch(address, { headers: { accept: options.accept }, signal });
      if (response.ok) return response;
      throw new RegistryError(`the registry ${url} answers ${response.status} for ${new URL(address).pathname}`);
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof RegistryError) throw error;
      throw new RegistryError(`the registry ${url} cannot be reached`, { cause: error });
    }
  }

  return {
    url,
    async list(name, signal) {
      const accept = "application/vnd.npm.install-v1+json";
      const response = await ask(`${url}/${name.replace("/", "%2f")}`, { signal, msMax: LIST_MS_MAX, accept });
      try {
        const bytes = await readBounded(response, LIST_BYTES_MAX, signal);
        return readVersions(JSON.parse(bytes.toString("utf8")));
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RegistryError) throw error;
        throw new RegistryError(`the registry ${url} gave no list of the versions of ${name}`, { cause: error });
      }
    },
    async unpack(version, dir, signal) {
      const response = await ask(version.tarball, { signal, msMax: UNPACK_MS_MAX, accept: "*/*" });
      if (response.body === null) throw new RegistryError(`the registry ${url} sent nothing for ${version.tarball}`);
      const hash = createHash("sha512");
      const unpacker = createTarUnpacker(dir);
      let bytesCount = 0;
      try {
        await pipeline(
          Readable.fromWeb(response.body),
          async function* (pieces: AsyncIterable<Buffer>) {
            for await (const piece of pieces) {
              bytesCount += piece.length;
              if (bytesCount > PACKAGE_BYTES_MAX) throw new RegistryError(`${version.tarball} is too large`);
              hash.update(piece);
              yield piece;
            }
          },
          createGunzip(),
          async (pieces: AsyncIterable<Buffer>) => {
            let unpackedBytes = 0;
            for await (const piece of pieces) {
              unpackedBytes += piece.length;
              if (unpackedBytes > UNPACKED_BYTES_MAX) throw new RegistryError(`${version.tarball} is too large`);
              unpacker.push(piece);
            }
          },
          { signal },
        );
        unpacker.end();
      } catch (error) {
        unpacker.abort();
        signal.throwIfAborted();
        if (error instanceof RegistryError) throw error;
        if (error instanceof TarError)
          throw new RegistryError(`${version.tarball} cannot be unpacked`, { cause: error });
        throw new RegistryError(`${version.tarball} could not be fetched`, { cause: error });
      }
      if (`sha512-${hash.digest("base64")}` === version.integrity) return { bytesCount };
      throw new RegistryError(`${version.tarball} is not what the registry says it is: its SHA-512 differs`);
    },
  };
}

async function readBounded(response: Response, bytesMax: number, signal: AbortSignal): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let bytesCount = 0;
  for await (const piece of response.body ?? []) {
    signal.throwIfAborted();
    bytesCount += piece.length;
    if (bytesCount > bytesMax) throw new RegistryError(`a list of versions has more than ${bytesMax} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function readVersions(document: unknown): PackageVersion[] {
  const versions = isRecord(document) && isRecord(document.versions) ? document.versions : {};
  return Object.entries(versions).flatMap(([version, entry]): PackageVersion[] => {
    const dist = isRecord(entry) && isRecord(entry.dist) ? entry.dist : {};
    const { tarball, integrity } = dist;
    if (typeof tarball !== "string" || typeof integrity !== "string") return [];
    const sha512 = integrity.split(/\s+/).find((one) => one.startsWith("sha512-"));
    if (sha512 === undefined || !/^https?:\/\//.test(tarball)) return [];
    const isDeprecated = isRecord(entry) && typeof entry.deprecated === "string";
    return [{ version, tarball, integrity: sha512, isDeprecated }];
  });
}

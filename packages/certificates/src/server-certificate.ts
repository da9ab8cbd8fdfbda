import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { CertificateError } from "./certificate-error.ts";
import type { IssuedPair } from "./issue.ts";
import { type Authority, readIfThere, splitPair } from "./open-authority.ts";
import { withNewline } from "./with-newline.ts";
import { writeWhole } from "./write-whole.ts";

/** A server's certificate with the chain up to its root, and its key: PEM. */
export interface ServerCertificate extends IssuedPair {
  /** Holds both, mode 600; its name stays the same over renewals. */
  readonly file: string;
}

export const SERVER_LIFE_MS = 90 * 24 * 3_600_000;
/** Renewed when less than a third of its life is left. */
const RENEW_BEFORE_END_MS = SERVER_LIFE_MS / 3;

/**
 * This machine's certificate of the farm's authority: the one on the disk, or a new one when that does not hold for all
 * the names, is of another authority, or is due. Cheap when there is nothing to do.
 */
export async function ensureServerCertificate(options: {
  readonly authority: Authority;
  /** Host names and IP addresses it must hold for. */
  readonly names: readonly string[];
  readonly nowMs: number;
  /** Tells it from other servers' in the folder; this machine's name when left out. */
  readonly label?: string;
}): Promise<ServerCertificate> {
  const { authority, names, nowMs, label = hostname() } = options;
  const file = join(authority.dir, `server-${label.replace(/[^A-Za-z0-9.-]/g, "-")}.pem`);
  const known = readKnown(file);
  if (known !== undefined && isGood(known.cert, options)) return { ...known, file };
  const { issueServer } = await import("./issue.ts");
  const made = await issueServer({ authority: authority.pair, names, lifeMs: SERVER_LIFE_MS, nowMs });
  const cert = `${withNewline(made.cert)}${withNewline(authority.cert)}`;
  writeWhole(file, `${made.key}${cert}`);
  return { cert, key: made.key, file };
}

/** Undefined when there is none, or one that is damaged: it is only a copy of what can be issued again. */
function readKnown(file: string): IssuedPair | undefined {
  const text = readIfThere(file);
  try {
    return text === undefined ? undefined : splitPair(text, file);
  } catch (error) {
    if (error instanceof CertificateError) return undefined;
    throw error;
  }
}

function isGood(pem: string, options: Parameters<typeof ensureServerCertificate>[0]): boolean {
  const cert = new X509Certificate(pem);
  const authority = new X509Certificate(options.authority.cert);
  if (!cert.checkIssued(authority) || !cert.verify(authority.publicKey)) return false;
  if (cert.validToDate.getTime() - options.nowMs < RENEW_BEFORE_END_MS) return false;
  return options.names.every((name) => (isIP(name) === 0 ? cert.checkHost(name) : cert.checkIP(name)) !== undefined);
}

import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import { CertificateError } from "./certificate-error.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { IssuedPair } from "./issue.ts";
import { withNewline } from "./with-newline.ts";
import { writeWhole, writeWholeUnlessThere } from "./write-whole.ts";

/** The farm's own certificate authority. */
export interface Authority {
  /** Folder of the authority and of what it issued; controllers of one farm share it. */
  readonly dir: string;
  /** The certificate, PEM. */
  readonly cert: string;
  /** A file with the certificate alone: what people give to git and browsers. */
  readonly certFile: string;
  /** SHA-256 of the certificate, base64url: what join tokens carry. */
  readonly fingerprint: string;
  /** For issuing only. */
  readonly pair: IssuedPair;
}

/**
 * Opens the farm's authority, which is made at the first time. Key and certificate stand in one file of mode 600 that
 * appears whole, so that controllers which start together agree. Throws CertificateError when the file is damaged.
 */
export async function openAuthority(dir: string, nowMs: number): Promise<Authority> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chmodSync(dir, 0o700);
  const file = join(dir, "authority.pem");
  let text = readIfThere(file);
  if (text === undefined) {
    // loaded only to issue: a start with everything on the disk does without the library
    const { issueAuthority } = await import("./issue.ts");
    const made = await issueAuthority(nowMs);
    writeWholeUnlessThere(file, `${made.key}${withNewline(made.cert)}`);
    text = readFileSync(file, "utf8");
  }
  const pair = splitPair(text, file);
  const certFile = join(dir, "ca.pem");
  if (readIfThere(certFile) !== pair.cert) writeWhole(certFile, pair.cert);
  return { dir, cert: pair.cert, certFile, fingerprint: fingerprintOf(pair.cert), pair };
}

/** Key and certificates of one PEM file. Throws CertificateError when they are not both there and of each other. */
export function splitPair(text: string, file: string): IssuedPair {
  const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/.exec(text)?.[0];
  const cert = (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? []).join("");
  const hint = "put it back from a backup, or remove it: a new authority is made then, and every agent joins again";
  if (key === undefined || cert === "") throw new CertificateError(`${file} is damaged: ${hint}`);
  try {
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return { cert, key };
  } catch (cause) {
    throw new CertificateError(`${file} is damaged: ${hint}`, { cause });
  }
  throw new CertificateError(`${file} is damaged: ${hint}`);
}

export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

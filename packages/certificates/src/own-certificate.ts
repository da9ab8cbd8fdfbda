import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { CertificateError } from "./certificate-error.ts";
import type { IssuedPair } from "./issue.ts";

export interface OwnCertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * A server certificate that people brought themselves. Throws CertificateError for a file that cannot be read or holds
 * something else, for a key of another certificate, and for a certificate that is not valid now.
 */
export function readOwnCertificate({ certFile, keyFile }: OwnCertificateFiles, nowMs: number): IssuedPair {
  const cert = read(certFile, "certificate");
  const key = read(keyFile, "key");
  const parsed = parse(certFile, "a certificate (PEM)", () => new X509Certificate(cert));
  const parsedKey = parse(keyFile, "an unencrypted private key (PEM)", () => createPrivateKey(key));
  if (!parsed.checkPrivateKey(parsedKey)) {
    throw new CertificateError(`the key in ${keyFile} is not the one of the certificate in ${certFile}`);
  }
  if (parsed.validToDate.getTime() <= nowMs) {
    throw new CertificateError(`the certificate in ${certFile} expired on ${parsed.validToDate.toISOString()}`);
  }
  if (parsed.validFromDate.getTime() > nowMs) {
    throw new CertificateError(
      `the certificate in ${certFile} is not valid before ${parsed.validFromDate.toISOString()}`,
    );
  }
  return { cert, key };
}

function read(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new CertificateError(`the ${what} file ${file} cannot be read (${why})`, { cause });
  }
}

function parse<T>(file: string, what: string, of: () => T): T {
  try {
    return of();
  } catch (cause) {
    throw new CertificateError(`${file} does not hold ${what}`, { cause });
  }
}

import { CertificateError } from "./certificate-error.ts";

/** Longer ones are not looked at; one of a P-256 key has about 400 characters. */
export const REQUEST_CHARS_MAX = 4_096;

/** A certificate request (PKCS#10, PEM) for a private key (PEM); its signature proves that the sender holds the key. */
export async function makeCertificateRequest(privateKeyPem: string): Promise<string> {
  const { signRequest } = await import("./sign-request.ts");
  return signRequest(privateKeyPem);
}

/**
 * The public key (SPKI, DER) of a certificate request whose signature holds. Nothing else that it asks for is looked at:
 * name, extensions and times are the issuer's. Throws CertificateError.
 */
export async function readCertificateRequest(pem: string): Promise<Buffer> {
  if (pem.length > REQUEST_CHARS_MAX) throw new CertificateError("the certificate request is too long");
  const { checkRequest } = await import("./sign-request.ts");
  return checkRequest(pem);
}

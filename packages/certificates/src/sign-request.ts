// The library below needs it, and finds it loaded.
import "reflect-metadata";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { Pkcs10CertificateRequest, Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import { readPublicKey } from "./agent-key.ts";
import { CertificateError } from "./certificate-error.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;

/** See makeCertificateRequest. */
export async function signRequest(privateKeyPem: string): Promise<string> {
  const key = createPrivateKey(privateKeyPem);
  const privateDer = new Uint8Array(key.export({ type: "pkcs8", format: "der" }));
  const publicDer = new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }));
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: "CN=Windrow agent",
    signingAlgorithm: SIGNING,
    keys: {
      privateKey: await crypto.subtle.importKey("pkcs8", privateDer, ALGORITHM, false, ["sign"]),
      publicKey: await crypto.subtle.importKey("spki", publicDer, ALGORITHM, true, ["verify"]),
    },
  });
  return request.toString("pem");
}

/** See readCertificateRequest. */
export async function checkRequest(pem: string): Promise<Buffer> {
  try {
    const request = new Pkcs10CertificateRequest(pem);
    const publicKey = readPublicKey(new Uint8Array(request.publicKey.rawData));
    if (await request.verify()) return publicKey;
  } catch (cause) {
    if (cause instanceof CertificateError) throw cause;
    throw new CertificateError("this is not a certificate request (PKCS#10, PEM)", { cause });
  }
  throw new CertificateError("the certificate request is not signed by the key that it is for");
}

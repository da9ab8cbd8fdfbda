import {
  CertificateError,
  CONTROLLER_NAME,
  fingerprintOf,
  isLoopbackAddress,
  isSameFingerprint,
  pinAuthority,
  publicKeyOf,
  readAgentCertificate,
} from "@windrow/certificates";
import type { ClientTls, NatsTls } from "@windrow/wire";
import { ConfigError } from "./config-error.ts";
import type { Credential } from "./credential.ts";

const HTTPS_PORT = 443;
const TLS_SCHEME = "tls://";

/**
 * The farm's authority from a server of it, by the fingerprint in the join token; undefined over the loopback, where the
 * answer brings it. Throws ConfigError for a server of another farm, and for an address of another machine where the token
 * would travel in the clear.
 */
export async function pinFarm(address: string, fingerprint: string, signal: AbortSignal): Promise<string | undefined> {
  const url = new URL(address);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol === "http:") {
    if (isLoopbackAddress(host)) return undefined;
    throw new ConfigError(
      `${address} is not encrypted, so the token was not sent: join the farm at its https address (windrow token create --join prints it)`,
    );
  }
  try {
    return await pinAuthority({ host, port: Number(url.port || HTTPS_PORT), fingerprint, signal });
  } catch (error) {
    if (error instanceof CertificateError) throw new ConfigError(error.message);
    throw error;
  }
}

/** Checks what joining brought: the authority that the token names, and a certificate of it for this agent and its key. Throws ConfigError. */
export function checkJoined(credential: Credential, of: { readonly fingerprint: string; readonly key: string }): void {
  const { controllerUrl, authority, certificate } = credential;
  if (!isSameFingerprint(fingerprintIfAny(authority), of.fingerprint)) {
    throw new ConfigError(
      `${controllerUrl} is not the farm that the join token is from: its certificate authority has another fingerprint`,
    );
  }
  checkCertificate(certificate, { ...credential, key: of.key });
}

/** Checks that a certificate is one of the farm's for this agent and its key. Throws ConfigError. */
export function checkCertificate(
  certificate: string,
  of: { readonly agentId: string; readonly authority: string; readonly controllerUrl: string; readonly key: string },
): void {
  try {
    const facts = readAgentCertificate(certificate, of.authority);
    if (facts.agentId === of.agentId && facts.publicKey.equals(publicKeyOf(of.key))) return;
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
  }
  throw new ConfigError(`${of.controllerUrl} answered with a certificate that is not this agent's`);
}

function fingerprintIfAny(pem: string): string {
  try {
    return fingerprintOf(pem);
  } catch {
    // node:crypto's errors for text that is no certificate have no code of their own; it has no fingerprint
    return "";
  }
}

/** How an agent meets controllers and what it shows them. */
export function clientTls(credential: Pick<Credential, "authority" | "certificate">, key: string): ClientTls {
  return {
    ca: Buffer.from(credential.authority),
    cert: Buffer.from(credential.certificate),
    key: Buffer.from(key),
    serverName: CONTROLLER_NAME,
  };
}

/** How to meet nats-server; one on a network of its own may speak in the clear. */
export function natsTlsFor(urls: readonly string[], authority: string | undefined): NatsTls | undefined {
  if (authority === undefined || !urls.some((url) => url.startsWith(TLS_SCHEME))) return undefined;
  return { ca: authority, servername: CONTROLLER_NAME };
}

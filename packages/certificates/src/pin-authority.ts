import { once } from "node:events";
import { connect, type DetailedPeerCertificate } from "node:tls";
import { CertificateError } from "./certificate-error.ts";
import { CONTROLLER_NAME } from "./controller-name.ts";
import { fingerprintOf, isSameFingerprint } from "./fingerprint.ts";

export interface PinOptions {
  readonly host: string;
  readonly port: number;
  /** SHA-256 of the authority's certificate, base64url, from the join token. */
  readonly fingerprint: string;
  readonly signal?: AbortSignal;
}

const ANSWER_WITHIN_MS = 15_000;
const CHAIN_MAX = 10;

/**
 * The certificate (PEM) of the farm's authority, as a server there shows it, if it is the one with the fingerprint. It
 * only learns whom to trust: nothing is sent, and the connection that follows proves that the server holds a key of it.
 * Throws CertificateError for a server of another authority, and what the network says when nobody answers.
 */
export async function pinAuthority({ host, port, fingerprint, signal }: PinOptions): Promise<string> {
  const timeout = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const ended = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const socket = connect({ host, port, servername: CONTROLLER_NAME, rejectUnauthorized: false });
  try {
    await once(socket, "secureConnect", { signal: ended });
    const root = lastOf(socket.getPeerCertificate(true));
    if (root !== undefined && isSameFingerprint(fingerprintOf(root), fingerprint)) return toPem(root);
  } finally {
    socket.destroy();
  }
  throw new CertificateError(
    `${host}:${port} is not the farm that the join token is from: its certificate authority has another fingerprint. The token was not sent`,
  );
}

/** The end of the chain as it was sent; a root is its own issuer. */
function lastOf(leaf: DetailedPeerCertificate): Buffer | undefined {
  let last: DetailedPeerCertificate | undefined = leaf;
  for (let depth = 0; depth < CHAIN_MAX; depth++) {
    const issuer: DetailedPeerCertificate | undefined = last?.issuerCertificate;
    if (issuer === undefined || issuer === last) break;
    last = issuer;
  }
  return last?.raw;
}

function toPem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

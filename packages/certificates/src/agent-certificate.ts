import { X509Certificate } from "node:crypto";
import { toRegistered } from "./agent-key.ts";
import { readAgentUri } from "./agent-uri.ts";
import { CertificateError } from "./certificate-error.ts";
import type { Authority } from "./open-authority.ts";

/** How long an agent's certificate holds; it renews itself at two thirds. */
export const AGENT_LIFE_MS = 24 * 3_600_000;
/** An agent whose certificate ended longer ago joins again. */
export const RENEWABLE_FOR_MS = 30 * 24 * 3_600_000;

export interface AgentCertificate {
  /** PEM. */
  readonly cert: string;
  readonly expiresAtMs: number;
}

/** A certificate for one agent and its key (SPKI, DER): it says nothing but which agent this is, for 24 hours. */
export async function issueAgentCertificate(request: {
  readonly authority: Authority;
  readonly agentId: string;
  readonly publicKey: Uint8Array;
  readonly nowMs: number;
}): Promise<AgentCertificate> {
  const { issueAgent } = await import("./issue.ts");
  // certificates count in seconds
  const expiresAtMs = Math.floor((request.nowMs + AGENT_LIFE_MS) / 1_000) * 1_000;
  const { agentId, publicKey, nowMs } = request;
  const cert = await issueAgent({ authority: request.authority.pair, agentId, publicKey, nowMs, expiresAtMs });
  return { cert, expiresAtMs };
}

/** What a certificate that an agent got says. */
export interface AgentCertificateFacts {
  readonly agentId: string;
  /** SPKI, DER, as registered. */
  readonly publicKey: Buffer;
  readonly startsAtMs: number;
  readonly expiresAtMs: number;
}

/** Reads an agent's certificate (PEM or DER) and checks that the authority (PEM) issued it; not its times. Throws CertificateError. */
export function readAgentCertificate(cert: string | Buffer, authority: string): AgentCertificateFacts {
  let parsed: X509Certificate;
  let issuer: X509Certificate;
  try {
    parsed = new X509Certificate(cert);
    issuer = issuerOf(authority);
  } catch (cause) {
    throw new CertificateError("this is not a certificate (PEM)", { cause });
  }
  const agentId = readAgentUri(parsed.subjectAltName);
  if (agentId === undefined) throw new CertificateError("this certificate is not one of an agent");
  if (!parsed.checkIssued(issuer) || !parsed.verify(issuer.publicKey)) {
    throw new CertificateError("this certificate is not one of the farm's authority");
  }
  return {
    agentId,
    publicKey: toRegistered(parsed.publicKey),
    startsAtMs: parsed.validFromDate.getTime(),
    expiresAtMs: parsed.validToDate.getTime(),
  };
}

/** A farm has one authority: it is read once. */
let known: { readonly pem: string; readonly issuer: X509Certificate } | undefined;

function issuerOf(pem: string): X509Certificate {
  if (known?.pem !== pem) known = { pem, issuer: new X509Certificate(pem) };
  return known.issuer;
}

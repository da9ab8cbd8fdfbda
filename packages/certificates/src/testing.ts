import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { issueAgentCertificate } from "./agent-certificate.ts";
import { makeAgentKey, publicKeyOf } from "./agent-key.ts";
import { CONTROLLER_NAME } from "./controller-name.ts";
import { type Authority, openAuthority } from "./open-authority.ts";
import { ensureServerCertificate } from "./server-certificate.ts";

/** What an agent shows and whom it trusts, as the gRPC client takes it. */
export interface TestIdentity {
  readonly ca: Buffer;
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly serverName: string;
  /** SPKI, DER: what the farm registers. */
  readonly publicKey: Buffer;
  readonly expiresAtMs: number;
}

/** An agent's key and certificate of a farm's authority, as joining would bring them. */
export async function makeTestIdentity(
  authority: Authority,
  agentId: string,
  options: { readonly nowMs?: number; readonly key?: string } = {},
): Promise<TestIdentity> {
  const { nowMs = Date.now(), key = makeAgentKey() } = options;
  const publicKey = publicKeyOf(key);
  const { cert, expiresAtMs } = await issueAgentCertificate({ authority, agentId, publicKey, nowMs });
  return {
    ca: Buffer.from(authority.cert),
    key: Buffer.from(key),
    cert: Buffer.from(cert),
    serverName: CONTROLLER_NAME,
    publicKey,
    expiresAtMs,
  };
}

/** An authority and the certificate of a controller on loopback, in a folder of their own that is gone already. */
export async function makeTestAuthority(): Promise<{
  readonly authority: Authority;
  /** For the gRPC server. */
  readonly server: { readonly cert: Buffer; readonly key: Buffer; readonly clientCa: Buffer };
}> {
  const dir = mkdtempSync(join(tmpdir(), `windrow-authority-${randomBytes(2).toString("hex")}-`));
  try {
    const nowMs = Date.now();
    const authority = await openAuthority(dir, nowMs);
    const { cert, key } = await ensureServerCertificate({ authority, names: [CONTROLLER_NAME, "127.0.0.1"], nowMs });
    return {
      authority,
      server: { cert: Buffer.from(cert), key: Buffer.from(key), clientCa: Buffer.from(authority.cert) },
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

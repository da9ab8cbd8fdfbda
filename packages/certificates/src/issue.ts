// The library below needs it, and finds it loaded.
import "reflect-metadata";
import { createPrivateKey, KeyObject, randomBytes, type webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { agentUri } from "./agent-uri.ts";
import { withNewline } from "./with-newline.ts";

/** A certificate and its private key, both PEM. */
export interface IssuedPair {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 24 * 3_600_000;
const AUTHORITY_LIFE_MS = 3_653 * DAY_MS;
/** Clocks of other machines may be behind. */
const EARLIER_MS = DAY_MS;
/** Those of controllers, too; an agent's certificate lives shortly. */
const AGENT_EARLIER_MS = 3_600_000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;
const SERIAL_BYTES = 16;
const NAME_BYTES = 4;

/** A new authority that signs itself: P-256, ten years. */
export async function issueAuthority(nowMs: number): Promise<IssuedPair> {
  const keys = await makeKeys();
  const cert = await X509CertificateGenerator.createSelfSigned({
    serialNumber: makeSerial(),
    name: `CN=Windrow farm ${randomBytes(NAME_BYTES).toString("hex")}`,
    notBefore: new Date(nowMs - EARLIER_MS),
    notAfter: new Date(nowMs + AUTHORITY_LIFE_MS),
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: cert.toString("pem"), key: exportKey(keys.privateKey) };
}

export interface ServerRequest {
  readonly authority: IssuedPair;
  /** Host names and IP addresses. */
  readonly names: readonly string[];
  readonly lifeMs: number;
  readonly nowMs: number;
}

/** A server's certificate for all the names, with a new P-256 key. */
export async function issueServer({ authority, names, lifeMs, nowMs }: ServerRequest): Promise<IssuedPair> {
  const issuer = new X509Certificate(authority.cert);
  const keys = await makeKeys();
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension(
      names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const),
    ),
    await SubjectKeyIdentifierExtension.create(keys.publicKey),
    await AuthorityKeyIdentifierExtension.create(issuer),
  ];
  const cert = await X509CertificateGenerator.create({
    serialNumber: makeSerial(),
    subject: "CN=Windrow controller",
    issuer: issuer.subject,
    notBefore: new Date(nowMs - EARLIER_MS),
    notAfter: new Date(nowMs + lifeMs),
    signingAlgorithm: SIGNING,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    extensions,
  });
  return { cert: cert.toString("pem"), key: exportKey(keys.privateKey) };
}

export interface AgentRequest {
  readonly authority: IssuedPair;
  readonly agentId: string;
  /** SPKI, DER. */
  readonly publicKey: Uint8Array;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** An agent's certificate, PEM: for clients only, and for the one name that says which agent this is. */
export async function issueAgent({ authority, agentId, publicKey, nowMs, expiresAtMs }: AgentRequest): Promise<string> {
  const issuer = await openIssuer(authority);
  const key = await crypto.subtle.importKey("spki", new Uint8Array(publicKey), ALGORITHM, true, ["verify"]);
  const cert = await X509CertificateGenerator.create({
    serialNumber: makeSerial(),
    subject: "CN=Windrow agent",
    issuer: issuer.name,
    notBefore: new Date(nowMs - AGENT_EARLIER_MS),
    notAfter: new Date(expiresAtMs),
    signingAlgorithm: SIGNING,
    publicKey: key,
    signingKey: issuer.signingKey,
    extensions: [
      ...issuer.agentExtensions,
      new SubjectAlternativeNameExtension([{ type: "url", value: agentUri(agentId) }]),
      await SubjectKeyIdentifierExtension.create(key),
    ],
  });
  return withNewline(cert.toString("pem"));
}

interface Issuer {
  readonly name: Name;
  readonly signingKey: webcrypto.CryptoKey;
  /** Those that are the same for all. */
  readonly agentExtensions: readonly Extension[];
}

/** A fleet renews at once after an outage: what is read of the authority is read once. */
const issuers = new WeakMap<IssuedPair, Promise<Issuer>>();

function openIssuer(authority: IssuedPair): Promise<Issuer> {
  const known = issuers.get(authority);
  if (known !== undefined) return known;
  const opened = (async () => {
    const issuer = new X509Certificate(authority.cert);
    return {
      name: issuer.subjectName,
      signingKey: await importKey(authority.key),
      agentExtensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
        await AuthorityKeyIdentifierExtension.create(issuer),
      ],
    };
  })();
  issuers.set(authority, opened);
  return opened;
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function exportKey(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: "pkcs8", format: "pem" }).toString();
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  return crypto.subtle.importKey("pkcs8", new Uint8Array(der), ALGORITHM, false, ["sign"]);
}

/** Positive, and of full length. */
function makeSerial(): string {
  const serial = randomBytes(SERIAL_BYTES);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial.toString("hex");
}

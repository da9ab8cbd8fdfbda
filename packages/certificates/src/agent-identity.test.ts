import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import {
  AGENT_LIFE_MS,
  type Authority,
  agentUri,
  CertificateError,
  createRenewalChallenges,
  isProofGood,
  issueAgentCertificate,
  makeAgentKey,
  makeCertificateRequest,
  proveKey,
  publicKeyOf,
  REQUEST_CHARS_MAX,
  readAgentCertificate,
  readAgentUri,
  readCertificateRequest,
} from "./index.ts";
import { makeTestAuthority } from "./testing.ts";

const ID = "7f3e4a52-6f5f-4d1f-9b1b-0a6f4a1c2d3e";
const OTHER = "0b6b5c1e-3a55-4b0e-9a8f-0d5a6f3c2b10";
const NOW = Date.now();
let authority: Authority;
let stranger: Authority;
beforeAll(async () => {
  authority = (await makeTestAuthority()).authority;
  stranger = (await makeTestAuthority()).authority;
});

test("an agent's certificate says which agent this is, for 24 hours, for clients only, and of the key of its request", async () => {
  const key = makeAgentKey();
  const publicKey = await readCertificateRequest(await makeCertificateRequest(key));
  expect(publicKey).toEqual(publicKeyOf(key));
  const { cert, expiresAtMs } = await issueAgentCertificate({ authority, agentId: ID, publicKey, nowMs: NOW });
  const facts = readAgentCertificate(cert, authority.cert);
  expect(facts).toMatchObject({ agentId: ID, publicKey, expiresAtMs });
  expect(NOW + AGENT_LIFE_MS - expiresAtMs).toBeLessThan(1_000);
  const parsed = new X509Certificate(cert);
  expect(parsed.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect([parsed.ca, parsed.keyUsage, parsed.subject]).toEqual([false, ["1.3.6.1.5.5.7.3.2"], "CN=Windrow agent"]);
  expect(() => readAgentCertificate(cert, stranger.cert)).toThrow("not one of the farm's authority");
  expect(() => readAgentCertificate(authority.cert, authority.cert)).toThrow("not one of an agent");
});

test("a request without proof of its key, of another kind of key, or that is none is refused", async () => {
  const pem = await makeCertificateRequest(makeAgentKey());
  const bytes = Buffer.from(pem.replace(/-----[^-]+-----/g, ""), "base64");
  const flipped = Buffer.from(bytes);
  flipped[flipped.length - 3] = (flipped.at(-3) ?? 0) ^ 0xff;
  const wrap = (der: Buffer) =>
    `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
  await expect(readCertificateRequest(wrap(flipped))).rejects.toThrow(CertificateError);
  await expect(readCertificateRequest("nonsense")).rejects.toThrow("not a certificate request");
  await expect(readCertificateRequest("x".repeat(REQUEST_CHARS_MAX + 1))).rejects.toThrow("too long");
  for (let cut = 0; cut < bytes.length; cut += 7) {
    await expect(readCertificateRequest(wrap(bytes.subarray(0, cut)))).rejects.toThrow(CertificateError);
  }
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "secp384r1" });
  expect(() => publicKeyOf(privateKey.export({ type: "pkcs8", format: "pem" }).toString())).toThrow("curve P-256");
});

describe("the name in a certificate", () => {
  test("is one agent's id and nothing else", () => {
    expect(readAgentUri(`URI:${agentUri(ID)}`)).toBe(ID);
    const others = [
      undefined,
      "",
      `URI:${agentUri(ID)}, URI:${agentUri(OTHER)}`,
      `DNS:x, URI:${agentUri(ID)}`,
      `URI:windrow://agent/${ID}/x`,
      `URI:windrow://agent/${ID.toUpperCase()}`,
      `DNS:windrow://agent/${ID}`,
      `URI:windrow://agent/${"-".repeat(36)}`,
    ];
    for (const text of others) expect(readAgentUri(text)).toBeUndefined();
    expect(() => agentUri("../x")).toThrow(TypeError);
  });
});

describe("renewing", () => {
  test("takes a signature of the registered key over a challenge for this agent, a minute old by clocks that may differ by another", () => {
    const challenges = createRenewalChallenges(authority);
    const challenge = challenges.make(ID, NOW);
    // any controller of the farm knows it
    const elsewhere = createRenewalChallenges(authority);
    expect(elsewhere.isGood(challenge, ID, NOW + 59_000)).toBe(true);
    // the clock of another controller may be ahead, or behind, by a minute
    expect(challenges.isGood(challenge, ID, NOW + 119_999)).toBe(true);
    expect(challenges.isGood(challenge, ID, NOW + 120_000)).toBe(false);
    expect(challenges.isGood(challenge, ID, NOW - 60_000)).toBe(true);
    expect(challenges.isGood(challenge, ID, NOW - 60_001)).toBe(false);
    expect(challenges.isGood(challenge, OTHER, NOW)).toBe(false);
    expect(createRenewalChallenges(stranger).isGood(challenge, ID, NOW)).toBe(false);
    for (const wrong of ["", "x", `${challenge.slice(0, -2)}AA`, `A${challenge}`]) {
      expect(challenges.isGood(wrong, ID, NOW)).toBe(false);
    }
    const key = makeAgentKey();
    const proof = proveKey(key, ID, challenge);
    const asked = { publicKey: publicKeyOf(key), agentId: ID, challenge, proof };
    expect(isProofGood(asked)).toBe(true);
    expect(isProofGood({ ...asked, agentId: OTHER })).toBe(false);
    expect(isProofGood({ ...asked, challenge: challenges.make(ID, NOW) })).toBe(false);
    expect(isProofGood({ ...asked, publicKey: publicKeyOf(makeAgentKey()) })).toBe(false);
    for (const wrong of ["", "AAAA", "not base64!", proof.slice(4)]) {
      expect(isProofGood({ ...asked, proof: wrong })).toBe(false);
    }
  });
});

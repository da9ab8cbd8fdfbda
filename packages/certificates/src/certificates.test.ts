import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type Server } from "node:tls";
import { afterAll, afterEach, expect, test } from "vitest";
import {
  CertificateError,
  CONTROLLER_NAME,
  ensureServerCertificate,
  fingerprintOf,
  openAuthority,
  pinAuthority,
  readJoinFingerprint,
  readOwnCertificate,
  SERVER_LIFE_MS,
  serverNames,
} from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "windrow-certificates-"));
const servers: Server[] = [];
const NOW = Date.now();
const DAY_MS = 24 * 3_600_000;
const names = [CONTROLLER_NAME, "farm.example.org", "127.0.0.1", "::1"];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function serve(dir: string): Promise<{ port: number; ca: string; fingerprint: string }> {
  const authority = await openAuthority(join(folder, dir), NOW);
  const { cert, key } = await ensureServerCertificate({ authority, names, nowMs: NOW });
  const server = createServer({ cert, key }, (socket) => socket.end("hello"));
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, ca: authority.cert, fingerprint: authority.fingerprint };
}

test("two that make the farm's authority at once agree on one, kept with mode 600 for ten years", async () => {
  const dir = join(folder, "race");
  const made = await Promise.all([openAuthority(dir, NOW), openAuthority(dir, NOW)]);
  expect(made[0]?.fingerprint).toBe(made[1]?.fingerprint);
  expect(statSync(join(dir, "authority.pem")).mode & 0o777).toBe(0o600);
  expect(statSync(dir).mode & 0o777).toBe(0o700);
  const cert = new X509Certificate(made[0]?.cert ?? "");
  expect(cert.ca).toBe(true);
  expect(cert.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  expect((cert.validToDate.getTime() - NOW) / DAY_MS).toBeGreaterThan(3_650);
});

test("a server's certificate is kept while it holds for every name, and made anew for a new name and before its end", async () => {
  const authority = await openAuthority(join(folder, "renew"), NOW);
  const first = await ensureServerCertificate({ authority, names, nowMs: NOW });
  const cert = new X509Certificate(first.cert);
  expect([cert.checkHost("farm.example.org"), cert.checkIP("127.0.0.1")]).toEqual(["farm.example.org", "127.0.0.1"]);
  expect(cert.checkIP("::1")).toBeDefined();
  expect(await ensureServerCertificate({ authority, names, nowMs: NOW + SERVER_LIFE_MS / 2 })).toEqual(first);
  const due = await ensureServerCertificate({ authority, names, nowMs: NOW + SERVER_LIFE_MS * 0.7 });
  expect(due.cert).not.toBe(first.cert);
  expect(due.file).toBe(first.file);
  const wider = await ensureServerCertificate({
    authority,
    names: [...names, "10.1.2.3"],
    nowMs: NOW + SERVER_LIFE_MS * 0.7,
  });
  expect(new X509Certificate(wider.cert).checkIP("10.1.2.3")).toBe("10.1.2.3");
});

test("the names in use hold the public host, this machine's, and every address when all are listened on", () => {
  const one = serverNames({ listenAddress: "10.9.8.7", publicUrl: "https://farm.example.org:7443/x" });
  expect(one).toEqual(expect.arrayContaining(["farm.example.org", "10.9.8.7", "localhost", "127.0.0.1"]));
  expect(serverNames({ listenAddress: "0.0.0.0" })).not.toContain("0.0.0.0");
  expect(serverNames({ listenAddress: "::1", publicUrl: "https://[2001:db8::1]:7443" })).toContain("2001:db8::1");
});

test("an agent learns the authority by its fingerprint, and then trusts its servers under the controllers' name alone", async () => {
  const farm = await serve("pinned");
  const { port } = farm;
  const ca = await pinAuthority({ host: "127.0.0.1", port, fingerprint: farm.fingerprint });
  expect(fingerprintOf(ca)).toBe(farm.fingerprint);
  const socket = connect({ host: "127.0.0.1", port, ca, servername: CONTROLLER_NAME });
  await once(socket, "secureConnect");
  expect(socket.authorized).toBe(true);
  socket.destroy();
});

test("a server of another authority is refused before anything is sent", async () => {
  const farm = await serve("mine");
  const other = await serve("theirs");
  const wrong = pinAuthority({ host: "127.0.0.1", port: other.port, fingerprint: farm.fingerprint });
  await expect(wrong).rejects.toThrow("is not the farm that the join token is from");
  const socket = connect({ host: "127.0.0.1", port: other.port, ca: farm.ca, servername: CONTROLLER_NAME });
  const [error] = await once(socket, "error");
  expect(String(error)).toContain("self-signed");
});

test("a join token carries a fingerprint, or none", () => {
  const random = "a".repeat(43);
  const print = `_-${"b".repeat(41)}`;
  expect(readJoinFingerprint(`wrj_${random}_${print}`)).toBe(print);
  expect(readJoinFingerprint(`wrj_${random}`)).toBeUndefined();
});

test("an own certificate is refused by name when unreadable, not one, of another key, expired, or not yet valid", async () => {
  const authority = await openAuthority(join(folder, "own"), NOW);
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const { cert, key } = await ensureServerCertificate({ authority, names, nowMs: NOW });
  const certFile = write("own.crt", cert);
  const keyFile = write("own.key", key);
  expect(readOwnCertificate({ certFile, keyFile }, NOW)).toEqual({ cert, key });
  const refused = (files: { certFile: string; keyFile: string }, nowMs = NOW) => {
    try {
      readOwnCertificate(files, nowMs);
    } catch (error) {
      if (error instanceof CertificateError) return error.message;
      throw error;
    }
    return "";
  };
  expect(refused({ certFile: join(folder, "none"), keyFile })).toContain("none cannot be read (ENOENT)");
  expect(refused({ certFile: keyFile, keyFile })).toContain("own.key does not hold a certificate");
  expect(refused({ certFile, keyFile: certFile })).toContain("own.crt does not hold an unencrypted private key");
  expect(refused({ certFile, keyFile: write("other.key", authority.pair.key) })).toContain("is not the one of");
  expect(refused({ certFile, keyFile }, NOW + SERVER_LIFE_MS + DAY_MS)).toContain("expired on");
  expect(refused({ certFile, keyFile }, NOW - 2 * DAY_MS)).toContain("is not valid before");
});

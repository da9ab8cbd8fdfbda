import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:https";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type PeerCertificate } from "node:tls";
import { CertificateError, CONTROLLER_NAME, ensureServerCertificate, openAuthority } from "@windrow/certificates";
import { makeTestIdentity } from "@windrow/certificates/testing";
import { startNats } from "@windrow/embedded";
import { findFreePort } from "@windrow/embedded/testing";
import { asAgentId, asAttemptId, asLeaseId, type LeaseRef, Refusal } from "@windrow/model";
import { type Clock, createLogger } from "@windrow/service";
import { type AgentApi, createAgentApiClient, startAgentServer } from "@windrow/wire";
import { afterAll, afterEach, expect, test } from "vitest";
import { openFarmCertificates } from "../src/tls/farm-certificates.ts";
import { listenSecurely } from "../src/tls/listen-securely.ts";
import { waitFor } from "./wait-for.ts";

const folder = mkdtempSync(join(tmpdir(), "windrow-tls-"));
const ID = "0b6b5c1e-3a55-4b0e-9a8f-0d5a6f3c2b10";
const LEASE: LeaseRef = { attemptId: asAttemptId(ID), leaseId: asLeaseId(ID), sessionNo: 1 };
const logger = createLogger({ component: "test", level: "silent" });
const NOW = Date.now();
const DAY_MS = 24 * 3_600_000;
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Time stands still but for `jump`, which also lets every sleeper go on. */
function createJumpClock(): Clock & { jump(ms: number): void } {
  let nowMs = NOW;
  let wake = new AbortController();
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep(_ms, signal) {
      return new Promise((resolve) => {
        for (const one of [wake.signal, signal]) one?.addEventListener("abort", () => resolve(), { once: true });
        if (signal?.aborted) resolve();
      });
    },
    jump(ms) {
      nowMs += ms;
      const sleepers = wake;
      wake = new AbortController();
      sleepers.abort();
    },
  };
}

async function shownAt(port: number, servername?: string): Promise<PeerCertificate> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...(servername && { servername }) });
  await once(socket, "secureConnect");
  const shown = socket.getPeerCertificate();
  socket.destroy();
  return shown;
}

function portOf(server: Server | undefined): number {
  const address = server?.address();
  if (typeof address !== "object" || address === null) throw new Error("nobody listens");
  return address.port;
}

test("the farm's certificate is renewed for agents also while people's own one has expired", async () => {
  const clock = createJumpClock();
  const dir = join(folder, "own-expired");
  const other = await openAuthority(join(folder, "other"), NOW);
  const pair = await ensureServerCertificate({ authority: other, names: ["farm"], nowMs: NOW - 20 * DAY_MS });
  const own = { certFile: join(folder, "own.pem"), keyFile: join(folder, "own.key") };
  writeFileSync(own.certFile, pair.cert);
  writeFileSync(own.keyFile, pair.key);
  const certificates = await openFarmCertificates({ dir, own, listenAddress: "127.0.0.1", clock, logger });
  await certificates.start();
  ends.push(() => certificates.stop());
  const before = certificates.shown;
  // the own one ended, the farm's is due
  clock.jump(75 * DAY_MS);
  await waitFor("another certificate", () => {
    clock.jump(1);
    return certificates.shown.farm.cert !== before.farm.cert;
  });
  expect(certificates.shown.people).toEqual(before.people);
});

test("a certificate is renewed and shown before its end, without a restart", async () => {
  const clock = createJumpClock();
  const certificates = await openFarmCertificates({
    ...{ dir: join(folder, "renewed"), listenAddress: "127.0.0.1" },
    ...{ clock, logger },
  });
  await certificates.start();
  ends.push(() => certificates.stop());
  const server = await listenSecurely(
    { host: "127.0.0.1", port: 0, certificates, isOptional: false, logger },
    (_request, response) => void response.end("hello"),
  );
  ends.push(async () => server?.close());
  const first = await shownAt(portOf(server));
  clock.jump(70 * DAY_MS);
  await waitFor("the new certificate", async () => (await shownAt(portOf(server))).serialNumber !== first.serialNumber);
  const next = await shownAt(portOf(server));
  expect(Date.parse(next.valid_to) - Date.parse(first.valid_to)).toBeGreaterThan(60 * DAY_MS);
  expect((await shownAt(portOf(server), CONTROLLER_NAME)).serialNumber).toBe(next.serialNumber);
});

test("people see their own certificate, agents the farm's; an expired own one ends the start", async () => {
  const own = { certFile: join(folder, "own.crt"), keyFile: join(folder, "own.key") };
  const company = await openAuthority(join(folder, "company"), NOW);
  const issued = await ensureServerCertificate({ authority: company, names: ["farm.example.org"], nowMs: NOW });
  writeFileSync(own.certFile, issued.cert);
  writeFileSync(own.keyFile, issued.key);
  const clock = createJumpClock();
  const options = { dir: join(folder, "farm"), own, clock, logger };
  const certificates = await openFarmCertificates({ ...options, listenAddress: "127.0.0.1" });
  const listening = { host: "127.0.0.1", port: 0, certificates, isOptional: false, logger };
  const server = await listenSecurely(listening, (_request, response) => void response.end("hello"));
  ends.push(async () => server?.close());
  const serial = (pem: string) => new X509Certificate(pem).serialNumber;
  expect((await shownAt(portOf(server))).serialNumber).toBe(serial(issued.cert));
  expect((await shownAt(portOf(server), "farm.example.org")).serialNumber).toBe(serial(issued.cert));
  expect((await shownAt(portOf(server), CONTROLLER_NAME)).serialNumber).toBe(serial(certificates.shown.farm.cert));

  clock.jump(91 * DAY_MS);
  const late = openFarmCertificates({ ...options, listenAddress: "127.0.0.1" });
  await expect(late).rejects.toThrow(CertificateError);
  await expect(late).rejects.toThrow(/own\.crt expired on/);
});

test("a port that is taken ends the start, unless HTTPS is optional", async () => {
  const certificates = await openFarmCertificates({
    dir: join(folder, "taken"),
    listenAddress: "127.0.0.1",
    clock: createJumpClock(),
    logger,
  });
  const listening = { host: "127.0.0.1", port: 0, certificates, isOptional: false, logger };
  const first = await listenSecurely(listening, () => undefined);
  ends.push(async () => first?.close());
  const again = { ...listening, port: portOf(first) };
  await expect(listenSecurely(again, () => undefined)).rejects.toThrow("EADDRINUSE");
  expect(await listenSecurely({ ...again, isOptional: true }, () => undefined)).toBeUndefined();
});

test("agents' calls are encrypted: without the farm's authority none arrives, and a new certificate is shown at once", async () => {
  const authority = await openAuthority(join(folder, "grpc"), NOW);
  const stranger = await openAuthority(join(folder, "stranger"), NOW);
  const issue = (names: string[]) => ensureServerCertificate({ authority, names, nowMs: NOW });
  const buffers = ({ cert, key }: { cert: string; key: string }) => ({
    cert: Buffer.from(cert),
    key: Buffer.from(key),
  });
  const refuse = () => Promise.reject(new Refusal("not_allowed", "not in this test"));
  const api: AgentApi = {
    ...{ session: refuse, startAttempt: refuse, reportSteps: refuse, shipLog: refuse, finishAttempt: refuse },
    ...{ fetchDocument: refuse, resolveAction: refuse, fetchAction: refuse, pinImage: refuse },
  };
  const callers: string[] = [];
  const agentId = "7f3e4a52-6f5f-4d1f-9b1b-0a6f4a1c2d3e";
  const server = await startAgentServer({
    listen: "127.0.0.1:0",
    api,
    logger,
    async authenticate({ raw }) {
      callers.push(new X509Certificate(raw).subjectAltName ?? "");
      return { agentId: asAgentId(agentId) };
    },
    tls: { ...buffers(await issue([CONTROLLER_NAME])), clientCa: Buffer.from(authority.cert) },
  });
  ends.push(() => server.stop());
  const identity = await makeTestIdentity(authority, agentId);
  const call = async (ca: string, serverName = CONTROLLER_NAME) => {
    const tls = { ...identity, ca: Buffer.from(ca), serverName };
    const client = createAgentApiClient({ address: `127.0.0.1:${server.port}`, tls });
    const request = { lease: LEASE, repository: "a/b", ref: "main" };
    try {
      await client.resolveAction(request, { deadlineMs: 3_000 });
    } catch (error) {
      return String(error);
    } finally {
      client.close();
    }
    return "";
  };
  await call(stranger.cert);
  await call(authority.cert, "farm.example.org");
  expect(callers).toEqual([]);
  await call(authority.cert);
  expect(callers).toEqual([`URI:windrow://agent/${agentId}`]);
  const before = await shownAt(server.port);
  server.setCertificate(buffers(await issue([CONTROLLER_NAME, "new.example.org"])));
  expect((await shownAt(server.port)).serialNumber).not.toBe(before.serialNumber);
});

test("nats-server with a certificate speaks TLS only, and shows a new one after a reload", async () => {
  const authority = await openAuthority(join(folder, "nats"), NOW);
  const { file } = await ensureServerCertificate({ authority, names: [CONTROLLER_NAME], nowMs: NOW });
  const port = await findFreePort();
  const nats = await startNats({ dataDir: join(folder, "nats-data"), port, tlsFile: file, logger });
  ends.push(() => nats.stop());
  expect(nats.url).toBe(`tls://127.0.0.1:${port}`);
  const shown = async (): Promise<string> => {
    const plain = connectPlain({ host: "127.0.0.1", port });
    const [info] = await once(plain, "data");
    expect(JSON.parse(String(info).slice("INFO ".length))).toMatchObject({ tls_required: true });
    const socket = connect({ socket: plain, ca: authority.cert, servername: CONTROLLER_NAME });
    await once(socket, "secureConnect");
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const first = await shown();
  await ensureServerCertificate({ authority, names: [CONTROLLER_NAME, "new.example.org"], nowMs: NOW });
  nats.reload();
  await waitFor("the new certificate", async () => (await shown()) !== first);
});

import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONTROLLER_NAME } from "@windrow/certificates";
import { afterAll, expect, it } from "vitest";
import { ConfigError } from "./config-error.ts";
import { loadAuthority, natsTlsFor, pinFarm, readGrpcAddress, storeAuthority } from "./farm-trust.ts";

const dir = mkdtempSync(join(tmpdir(), "windrow-trust-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it("an agent keeps the farm's authority to itself, and another one may be told", () => {
  expect(loadAuthority(dir, undefined)).toBeUndefined();
  storeAuthority(dir, "pinned");
  expect(loadAuthority(dir, undefined)).toBe("pinned");
  expect(statSync(join(dir, "ca.pem")).mode & 0o777).toBe(0o600);
  writeFileSync(join(dir, "told.pem"), "told");
  expect(loadAuthority(dir, join(dir, "told.pem"))).toBe("told");
  expect(() => loadAuthority(dir, join(dir, "none"))).toThrow("WINDROW_AGENT_CA_FILE");
});

it("a controller that speaks TLS is met with the authority, and not at all without it", () => {
  expect(readGrpcAddress("10.0.0.1:7071", undefined)).toEqual({ address: "10.0.0.1:7071" });
  expect(readGrpcAddress("tls://10.0.0.1:7071", "pem")).toEqual({
    address: "10.0.0.1:7071",
    tls: { ca: Buffer.from("pem"), serverName: CONTROLLER_NAME },
  });
  expect(() => readGrpcAddress("tls://10.0.0.1:7071", undefined)).toThrow(ConfigError);
  expect(natsTlsFor(["tls://10.0.0.1:7072"], "pem")).toEqual({ ca: "pem", servername: CONTROLLER_NAME });
  expect(natsTlsFor(["nats://127.0.0.1:7072"], "pem")).toBeUndefined();
});

it("a token with a fingerprint goes in the clear to this machine alone", async () => {
  const { signal } = new AbortController();
  expect(await pinFarm("http://127.0.0.1:7070", "x", signal)).toBeUndefined();
  await expect(pinFarm("http://farm:7070", "x", signal)).rejects.toThrow("so the token was not sent");
});

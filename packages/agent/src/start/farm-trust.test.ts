import { CONTROLLER_NAME, makeAgentKey } from "@windrow/certificates";
import { makeTestAuthority, makeTestIdentity } from "@windrow/certificates/testing";
import { asAgentId } from "@windrow/model";
import { expect, it } from "vitest";
import { checkJoined, natsTlsFor, pinFarm } from "./farm-trust.ts";

const ID = "7f3e4a52-6f5f-4d1f-9b1b-0a6f4a1c2d3e";
const OTHER_ID = "0b6b5c1e-3a55-4b0e-9a8f-0d5a6f3c2b10";

it("a nats-server that speaks TLS is met with the farm's authority", () => {
  expect(natsTlsFor(["tls://10.0.0.1:7072"], "pem")).toEqual({ ca: "pem", servername: CONTROLLER_NAME });
  expect(natsTlsFor(["nats://127.0.0.1:7072"], "pem")).toBeUndefined();
});

it("a join token goes in the clear to this machine alone", async () => {
  const { signal } = new AbortController();
  expect(await pinFarm("http://127.0.0.1:7070", "x", signal)).toBeUndefined();
  await expect(pinFarm("http://farm:7070", "x", signal)).rejects.toThrow("so the token was not sent");
});

it("what joining brings is taken from the farm of the token only, and only for this agent and its key", async () => {
  const { authority } = await makeTestAuthority();
  const stranger = (await makeTestAuthority()).authority;
  const key = makeAgentKey();
  const mine = await makeTestIdentity(authority, ID, { key });
  const joined = {
    agentId: asAgentId(ID),
    name: "agent-1",
    certificate: mine.cert.toString(),
    authority: authority.cert,
    grpcAddress: "127.0.0.1:1",
    slotsCount: 1,
    controllerUrl: "http://127.0.0.1:2",
  };
  const { fingerprint } = authority;
  expect(() => checkJoined(joined, { fingerprint, key })).not.toThrow();
  const elsewhere = { ...joined, authority: stranger.cert };
  expect(() => checkJoined(elsewhere, { fingerprint, key })).toThrow("not the farm that the join token is from");
  expect(() => checkJoined({ ...joined, authority: "x" }, { fingerprint, key })).toThrow("not the farm");
  const wrong = [
    await makeTestIdentity(authority, OTHER_ID, { key }),
    await makeTestIdentity(authority, ID),
    await makeTestIdentity(stranger, ID, { key }),
  ];
  for (const { cert } of wrong) {
    expect(() => checkJoined({ ...joined, certificate: cert.toString() }, { fingerprint, key })).toThrow(
      "a certificate that is not this agent's",
    );
  }
});

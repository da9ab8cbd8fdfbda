import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { makeAgentKey } from "@windrow/certificates";
import { makeTestAuthority, makeTestIdentity } from "@windrow/certificates/testing";
import { asAgentId } from "@windrow/model";
import { afterEach, beforeEach, expect, it } from "vitest";
import { RenewalRefused, renewCertificate } from "./renew-certificate.ts";

const ID = "7f3e4a52-6f5f-4d1f-9b1b-0a6f4a1c2d3e";
const CHALLENGE = { code: 201, body: { challenge: "sign this" } };
const BAD_PROOF = { code: 401, body: { code: "unauthenticated", detail: "this is no proof" } };

interface Answer {
  readonly code: number;
  readonly body: object | string;
}

let server: Server;
let asked: string[];
let answers: Answer[];

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const { code, body } = answers.shift() ?? { code: 500, body: "" };
    response.writeHead(code).end(typeof body === "string" ? body : JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(() => void server.close());

async function renew() {
  const { authority } = await makeTestAuthority();
  const key = makeAgentKey();
  const certificate = (await makeTestIdentity(authority, ID, { key })).cert.toString();
  answers = answers.map((one) => (one.code === 200 ? { code: 200, body: { certificate, nats_jwt: "jwt" } } : one));
  const address = server.address();
  const controllerUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const known = { agentId: asAgentId(ID), name: "a", certificate, authority: authority.cert };
  const credential = { ...known, grpcAddress: "x", slotsCount: 1, controllerUrl };
  return renewCertificate({ credential, controllerUrl, key, signal: new AbortController().signal });
}

it.each<[string, readonly Answer[]]>([
  ["a proxy that forbids it", [{ code: 403, body: "<html>Forbidden</html>" }]],
  ["a controller that does not know the way", [{ code: 404, body: { code: "not_found", detail: "nothing" } }]],
  ["a proxy between the two questions", [CHALLENGE, { code: 401, body: "who are you?" }]],
  ["a controller that has too much to do", [CHALLENGE, { code: 429, body: { code: "too_many" } }]],
  ["a controller that stops", [{ code: 503, body: { code: "unavailable" } }]],
])("%s does not end the agent: it asks again later", async (_who, said) => {
  answers = [...said];
  const error = await renew().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(RenewalRefused);
});

it("a proof that came too late is made again, over another challenge", async () => {
  answers = [CHALLENGE, BAD_PROOF, CHALLENGE, { code: 200, body: {} }];
  expect(await renew()).toMatchObject({ natsJwt: "jwt" });
  expect(asked).toHaveLength(4);
});

it.each<[string, readonly Answer[]]>([
  ["a key that is not the agent's", [CHALLENGE, BAD_PROOF, CHALLENGE, BAD_PROOF]],
  ["an agent that was removed", [CHALLENGE, { code: 403, body: { code: "not_allowed", detail: "removed" } }]],
])("a controller's own word about %s is final", async (_what, said) => {
  answers = [...said];
  await expect(renew()).rejects.toThrow(RenewalRefused);
  expect(answers).toEqual([]);
});

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { makeAgentKey, makeCertificateRequest } from "@windrow/certificates";
import { type Agent, PERMISSIONS, ROUTES, type Token, type Whoami } from "@windrow/contract";
import { createUserNkey } from "@windrow/wire";
import { fastify } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureAdminToken } from "../src/http-api/admin-token.ts";
import { createAuthenticator } from "../src/http-api/authenticate.ts";
import { guardRoutes } from "../src/http-api/guard.ts";
import { WRONG_TOKENS_MAX } from "../src/http-api/wrong-token-limit.ts";
import { type Edge, startEdge } from "./edge-kit.ts";

let edge: Edge;
let admin: string;
let developer: string;
let reader: string;
beforeAll(async () => {
  edge = await startEdge();
  admin = await edge.makeToken({ role: "admin", name: "root" });
  developer = await edge.makeToken({ role: "developer", name: "dev" });
  reader = await edge.makeToken({ role: "reader", name: "eve" });
});
afterAll(() => edge.stop());

/** Any path of the route, with values that fit its parameters. */
const example = (path: string): string =>
  path
    .replace(":token_id", "00000000-0000-4000-8000-000000000000")
    .replace(/:(run_id|job_id)/, "1")
    .replace(/:\w+/g, "x");

describe("access", () => {
  it("is open for health, and for renewal by proof of a key, alone", async () => {
    for (const route of Object.values(ROUTES)) {
      const answer = await edge.api(route.method, example(route.path), route.method === "GET" ? {} : { body: {} });
      // what renews has a proof in its body, which is empty here
      if (route.permission === "none") expect(answer.status, route.path).toBe(route.tag === "agents" ? 400 : 200);
      // joining reads its token from the body, which is empty here and not even valid
      else if (route.permission === "agent:join") expect([400, 401], route.path).toContain(answer.status);
      else expect(answer.status, route.path).toBe(401);
      await answer.text();
    }
    for (const path of [
      "/",
      "/runs/1",
      "/runs/1/jobs/1/logs",
      "/metrics",
      "/api/openapi.json",
      "/git/a/b/info/refs?service=git-upload-pack",
    ]) {
      const answer = await edge.api("GET", path);
      expect(answer.status, path).toBe(401);
      expect(answer.headers.get("www-authenticate")).toContain("Basic");
    }
  });

  it("is refused where the role lacks the permission", async () => {
    for (const [method, path, body] of [
      ["POST", "/api/v1/repositories", { name: "x" }],
      ["POST", "/api/v1/runs", { repository: "a/b" }],
      ["GET", "/api/v1/tokens", undefined],
      ["DELETE", "/api/v1/agents/x", undefined],
      ["GET", "/metrics", undefined],
    ] as const) {
      const answer = await edge.api(method, path, { token: reader, body });
      expect(answer.status, path).toBe(403);
      expect(await answer.json()).toMatchObject({ code: "not_allowed", status: 403 });
    }
  });

  it("takes a bearer token, and basic authentication with any user name", async () => {
    const basic = Buffer.from(`anybody:${admin}`).toString("base64");
    const page = await fetch(`${edge.url}/`, { headers: { authorization: `Basic ${basic}` } });
    expect(page.status).toBe(200);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    const me = await edge.json<Whoami>("GET", "/api/v1/whoami", { token: developer });
    expect(me).toMatchObject({ kind: "user", name: "dev", role: "developer", owner: null });
    const whole = await edge.json<Whoami>("GET", "/api/v1/whoami", { token: admin });
    expect(whole.permissions.toSorted()).toEqual(PERMISSIONS.filter((one) => one !== "agent:join").toSorted());
  });

  it("to the whole farm is not for a token that is bound to one owner", async () => {
    const bound = await edge.makeToken({ role: "admin", owner: "team" });
    expect((await edge.api("GET", "/api/v1/tokens", { token: bound })).status).toBe(403);
    expect((await edge.api("DELETE", "/api/v1/agents/x", { token: bound })).status).toBe(403);
    expect((await edge.api("POST", "/api/v1/repositories", { token: bound, body: { name: "x" } })).status).toBe(201);
    expect((await edge.api("GET", "/api/v1/repositories/team/x", { token: bound })).status).toBe(200);
    const others = await edge.api("POST", "/api/v1/repositories", { token: bound, body: { owner: "me", name: "x" } });
    expect(others.status).toBe(403);
  });

  it("is refused to pages of other sites, which a browser would lend its token", async () => {
    const cancel = (origin: string) =>
      fetch(`${edge.url}/api/v1/runs/1/cancel`, {
        method: "POST",
        headers: { authorization: `Bearer ${admin}`, origin },
      });
    expect((await cancel("https://evil.example")).status).toBe(403);
    expect((await cancel("null")).status).toBe(403);
    expect((await cancel(edge.url)).status).toBe(404);
  });

  it("does not start a route that declares no permission", async () => {
    const app = fastify();
    const authenticator = createAuthenticator({
      db: edge.db,
      clock: { nowMs: () => 0, monotonicMs: () => 0, sleep: async () => {} },
      findJobToken: async () => undefined,
    });
    guardRoutes(app, authenticator);
    expect(() => app.get("/open", async () => "oh")).toThrow("declares no permission");
    await app.close();
  });

  it("S02: shuts an address out after ten wrong tokens in a minute, but never a right token", async () => {
    let nowMs = 0;
    const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, sleep: async () => {} };
    const counts = { wrong: 0, shut_out: 0 };
    const { authenticate } = createAuthenticator({
      ...{ db: edge.db, clock, findJobToken: async () => undefined },
      onWrong: (outcome) => counts[outcome]++,
    });
    for (let at = 0; at < WRONG_TOKENS_MAX; at++) {
      await expect(authenticate(`wru_${"w".repeat(30)}${at}`, "10.0.0.1")).rejects.toMatchObject({
        code: "unauthenticated",
      });
    }
    for (let more = 0; more < 990; more++) {
      await expect(authenticate(`wrj_${more}`, "10.0.0.1")).rejects.toMatchObject({ code: "too_many" });
    }
    expect(counts).toEqual({ wrong: WRONG_TOKENS_MAX, shut_out: 990 });
    expect(await authenticate(admin, "10.0.0.1")).toMatchObject({ name: "root" });
    await expect(authenticate("wru_wrong", "10.0.0.2")).rejects.toMatchObject({ code: "unauthenticated" });
    nowMs += 60_001;
    await expect(authenticate("wru_wrong", "10.0.0.1")).rejects.toMatchObject({ code: "unauthenticated" });
  });
});

describe("tokens", () => {
  it("are shown once, and are worthless when revoked", async () => {
    const { token, secret } = await edge.json<{ token: Token; secret: string }>("POST", "/api/v1/tokens", {
      token: admin,
      body: { kind: "user", name: "bot", role: "reader" },
    });
    expect(secret).toMatch(/^wru_[A-Za-z0-9_-]{43}$/);
    expect((await edge.api("GET", "/api/v1/runs", { token: secret })).status).toBe(200);
    const listed = await (await edge.api("GET", "/api/v1/tokens", { token: admin })).text();
    expect(listed).toContain(token.id);
    expect(listed).not.toContain(secret);
    const row = await edge.db.selectFrom("tokens").selectAll().where("id", "=", token.id).executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain(secret);
    expect((await edge.api("DELETE", `/api/v1/tokens/${token.id}`, { token: admin })).status).toBe(200);
    expect((await edge.api("GET", "/api/v1/runs", { token: secret })).status).toBe(401);
  });

  it("for admins are made once, by one of two controllers, into a file that others cannot read", async () => {
    const file = join(edge.dataDir, "admin", "token");
    await edge.db.updateTable("tokens").set({ revoked_at: new Date() }).where("role", "=", "admin").execute();
    const made = await Promise.all([ensureAdminToken({ db: edge.db, file }), ensureAdminToken({ db: edge.db, file })]);
    expect(made.toSorted()).toEqual([false, true]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    admin = (await readFile(file, "utf8")).trim();
    expect((await edge.api("GET", "/api/v1/tokens", { token: admin })).status).toBe(200);
  });
});

describe("joining", () => {
  const keys = async () => ({
    nats_public_key: createUserNkey().publicKey,
    certificate_request: await makeCertificateRequest(makeAgentKey()),
  });
  const facts = {
    hostname: "box",
    version: "1",
    slots: 2,
    labels: ["Linux"],
  };
  const makeJoinToken = async (more: object = {}) => {
    const body = { kind: "join", ...more };
    return (await edge.json<{ secret: string }>("POST", "/api/v1/tokens", { token: admin, body })).secret;
  };

  it("exchanges a join token for a certificate of the agent's own, once", async () => {
    const token = await makeJoinToken();
    const joined = await edge.api("POST", "/api/v1/agents/join", {
      body: { ...(await keys()), ...facts, token, name: "box-1" },
    });
    expect(joined.status).toBe(201);
    expect(await joined.json()).toMatchObject({
      name: "box-1",
      pool: "default",
      certificate: expect.stringContaining("BEGIN CERTIFICATE"),
      authority: expect.stringContaining("BEGIN CERTIFICATE"),
      nats_jwt: "jwt",
    });
    const again = await edge.api("POST", "/api/v1/agents/join", {
      token,
      body: { ...(await keys()), ...facts, name: "box-2" },
    });
    expect(again.status).toBe(401);
    const listed = await edge.json<{ items: Agent[] }>("GET", "/api/v1/agents", { token: reader });
    expect(listed.items).toMatchObject([
      { name: "box-1", state: "joining", labels: ["linux"], slots: 2, slots_used: 0 },
    ]);
  });

  it("with ten at once on a token for three makes three agents", async () => {
    const token = await makeJoinToken({ uses_max: 3 });
    const bodies = await Promise.all(Array.from({ length: 10 }, async () => ({ ...(await keys()), ...facts })));
    const answers = await Promise.all(bodies.map((body) => edge.api("POST", "/api/v1/agents/join", { token, body })));
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(3);
  });

  it("is not for other tokens, and a join token is for nothing else", async () => {
    const body = { ...(await keys()), ...facts };
    expect((await edge.api("POST", "/api/v1/agents/join", { token: admin, body })).status).toBe(403);
    expect((await edge.api("GET", "/api/v1/runs", { token: await makeJoinToken() })).status).toBe(403);
  });

  it("under a name that is taken is refused and spends no use", async () => {
    const token = await makeJoinToken();
    const body = { ...(await keys()), ...facts };
    const taken = await edge.api("POST", "/api/v1/agents/join", { token, body: { ...body, name: "box-1" } });
    expect(taken.status).toBe(409);
    expect((await edge.api("POST", "/api/v1/agents/join", { token, body: { ...body, name: "box-9" } })).status).toBe(
      201,
    );
  });
});

describe("repositories", () => {
  it("are added, changed and deleted, with their folder", async () => {
    const added = await edge.api("POST", "/api/v1/repositories", { token: developer, body: { name: "lib" } });
    expect(added.status).toBe(201);
    expect(await added.json()).toMatchObject({
      full_name: "me/lib",
      default_branch: "main",
      clone_url: `${edge.url}/git/me/lib.git`,
    });
    expect((await edge.api("POST", "/api/v1/repositories", { token: developer, body: { name: "lib" } })).status).toBe(
      409,
    );
    const tree = await edge.makeWorkTree({ readme: "x" });
    await tree.push({ token: developer, name: "lib", refspecs: ["main", "main:next"] });
    const path = "/api/v1/repositories/me/lib";
    expect((await edge.api("PATCH", path, { token: admin, body: { default_branch: "nope" } })).status).toBe(400);
    const changed = await edge.api("PATCH", path, { token: admin, body: { default_branch: "next" } });
    expect(await changed.json()).toMatchObject({ default_branch: "next" });
    expect(await readFile(join(edge.dataDir, "git/me/lib.git/HEAD"), "utf8")).toBe("ref: refs/heads/next\n");
    expect((await edge.api("DELETE", path, { token: developer })).status).toBe(403);
    expect(await edge.json("DELETE", path, { token: admin })).toMatchObject({
      full_name: path.split("/").slice(-2).join("/"),
    });
    expect((await edge.api("GET", path, { token: admin })).status).toBe(404);
    await expect(stat(join(edge.dataDir, "git/me/lib.git"))).rejects.toThrow("ENOENT");
  });
});

describe("every refusal", () => {
  it.each([
    ["GET", "/nowhere", 404, "not_found"],
    ["GET", "/api/v1/runs/999999", 404, "not_found"],
    ["GET", "/api/v1/runs/abc", 400, "invalid"],
    ["GET", "/api/v1/runs?limit=0", 400, "invalid"],
    ["GET", "/api/v1/runs?state=odd", 400, "invalid"],
    ["GET", "/api/v1/runs?cursor=x", 400, "invalid"],
    ["GET", "/api/v1/jobs/1/logs?stream=../x", 400, "invalid"],
    ["POST", "/api/v1/runs", 400, "invalid"],
    ["POST", "/api/v1/tokens", 400, "invalid"],
  ] as const)("%s %s is a problem document", async (method, path, status, code) => {
    const answer = await edge.api(method, path, { token: admin, ...(method === "POST" ? { body: { odd: 1 } } : {}) });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    expect(await answer.json()).toMatchObject({
      type: "about:blank",
      status,
      code,
      request_id: answer.headers.get("x-request-id"),
    });
  });

  it("of a body over the limit names no part of it", async () => {
    const answer = await edge.api("POST", "/api/v1/tokens", {
      token: admin,
      body: { name: "x".repeat(3 * 1024 * 1024) },
    });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: "too_large" });
  });
});

describe("the OpenAPI document", () => {
  it("is 3.1 and describes every route of the contract", async () => {
    const document = await edge.json<{
      openapi: string;
      paths: Record<string, Record<string, { operationId: string }>>;
    }>("GET", "/api/openapi.json", { token: reader });
    expect(document.openapi).toMatch(/^3\.1/);
    const described = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map((operation) => operation.operationId),
    );
    expect(described.toSorted()).toEqual(Object.keys(ROUTES).toSorted());
  });
});

import type { AuditEntryJson, Problem, Token } from "@windrow/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Edge, startEdge } from "./edge-kit.ts";

let edge: Edge;
let admin: string;
beforeAll(async () => {
  edge = await startEdge();
  admin = await edge.makeToken({ role: "admin", name: "root" });
});
afterAll(() => edge.stop());

const ask = <T>(method: string, path: string, body?: unknown): Promise<T> =>
  edge.json<T>(method, `/api/v1${path}`, { token: admin, body });

interface Page {
  readonly items: AuditEntryJson[];
  readonly next_cursor: string | null;
}

describe("the audit trail", () => {
  it("tells who changed what, from what to what", async () => {
    await ask("PUT", "/pools/gpu", { labels: ["gpu"] });
    await ask("PATCH", "/pools/gpu", { weight: 3 });
    await ask("DELETE", "/pools/gpu");
    await ask("PUT", "/label-aliases/big", { labels: ["gpu"] });
    await ask("DELETE", "/label-aliases/big");
    await ask("POST", "/repositories", { owner: "me", name: "app" });
    await ask("PATCH", "/repositories/me/app", { jobs_max: 2 });
    await ask("PATCH", "/owners/me", { weight: 4 });
    await ask("POST", "/variables", { repository: "me/app", name: "region", value: "eu" });
    await ask("POST", "/variables", { repository: "me/app", name: "region", value: "us" });
    await ask("DELETE", "/variables/region?repository=me/app");
    await ask("DELETE", "/repositories/me/app");
    const { items } = await ask<Page>("GET", "/audit");
    const told = items.toReversed().map(({ action, subject, before, after }) => ({ action, subject, before, after }));
    expect(told).toMatchObject([
      { action: "pool.set", subject: "pool:gpu", before: null, after: { labels: ["gpu"], weight: 1 } },
      { action: "pool.set", subject: "pool:gpu", before: { weight: 1 }, after: { weight: 3 } },
      { action: "pool.delete", subject: "pool:gpu", before: { weight: 3 }, after: null },
      { action: "alias.set", subject: "alias:big", before: null, after: { labels: ["gpu"] } },
      { action: "alias.delete", subject: "alias:big", before: { labels: ["gpu"] }, after: null },
      { action: "repo.add", subject: "repo:me/app", before: null },
      { action: "repo.set", subject: "repo:me/app", before: { jobs_max: null }, after: { jobs_max: 2 } },
      { action: "owner.set", subject: "owner:me", before: { weight: 1 }, after: { weight: 4 } },
      { action: "variable.set", subject: "variable:me/app:REGION", before: null, after: { value: "eu" } },
      { action: "variable.set", subject: "variable:me/app:REGION", before: { value: "eu" }, after: { value: "us" } },
      { action: "variable.delete", subject: "variable:me/app:REGION", before: { value: "us" }, after: null },
      { action: "repo.delete", subject: "repo:me/app", before: { jobs_max: 2 }, after: null },
    ]);
    expect(new Set(items.map(({ actor, ip, token_id }) => `${actor} ${ip} ${typeof token_id}`))).toEqual(
      new Set(["root 127.0.0.1 string"]),
    );
  });

  it("has tokens by their names and prefixes, and never a secret or its hash", async () => {
    const user = await ask<{ token: Token; secret: string }>("POST", "/tokens", { kind: "user", name: "alice" });
    const join = await ask<{ token: Token; secret: string }>("POST", "/tokens", { kind: "join", pool: "node" });
    await ask("DELETE", `/tokens/${user.token.id}`);
    const { items } = await ask<Page>("GET", "/audit?subject=token");
    expect(items.map(({ action, subject }) => `${action} ${subject}`)).toEqual([
      `token.revoke token:${user.token.id}`,
      `token.create token:${join.token.id}`,
      `token.create token:${user.token.id}`,
    ]);
    const text = JSON.stringify((await ask<Page>("GET", "/audit?limit=200")).items);
    const hashes = await edge.db.selectFrom("tokens").select("hash").execute();
    const secrets = [user.secret, join.secret, admin, ...hashes.flatMap(({ hash }) => encodings(hash))];
    for (const secret of secrets) expect(text).not.toContain(secret);
    expect(text).toContain(user.token.prefix);
  });

  it("has nothing of what was refused, and nothing that did not happen", async () => {
    const { items: before } = await ask<Page>("GET", "/audit");
    for (const [method, path, body] of [
      ["PATCH", "/pools/none", { weight: 2 }],
      ["PATCH", "/pools/go", { weight: -1 }],
      ["PATCH", "/pools/go", { lost_after_ms: 11_000 }],
      ["DELETE", "/pools/default", undefined],
      ["DELETE", "/label-aliases/none", undefined],
      ["DELETE", "/tokens/00000000-0000-4000-8000-000000000000", undefined],
      ["PATCH", "/owners/none", { weight: 2 }],
    ] as const) {
      expect((await edge.api(method, `/api/v1${path}`, { token: admin, body })).ok, path).toBe(false);
    }
    expect((await ask<Page>("GET", "/audit")).items).toEqual(before);
  });

  it("is read page by page, by what, by who and by how", async () => {
    for (let weight = 1; weight <= 5; weight++) await ask("PATCH", "/pools/rust", { weight });
    const weights: unknown[] = [];
    let cursor: string | null = null;
    do {
      const next: Page = await ask<Page>(
        "GET",
        `/audit?subject=pool:rust&limit=2${cursor === null ? "" : `&cursor=${cursor}`}`,
      );
      weights.push(...next.items.map(({ after }) => after));
      cursor = next.next_cursor;
    } while (cursor !== null);
    expect(weights).toMatchObject([5, 4, 3, 2, 1].map((weight) => ({ weight })));
    expect((await ask<Page>("GET", "/audit?subject=poo")).items).toEqual([]);
    expect((await ask<Page>("GET", "/audit?actor=nobody")).items).toEqual([]);
    const actions = (await ask<Page>("GET", "/audit?actor=root&action=alias")).items.map(({ action }) => action);
    expect(new Set(actions)).toEqual(new Set(["alias.set", "alias.delete"]));
    expect(await ask<Problem>("GET", "/audit?cursor=x")).toMatchObject({ code: "invalid" });
  });

  it("is for admins of the whole farm alone", async () => {
    const developer = await edge.makeToken({ role: "developer" });
    const bound = await edge.makeToken({ role: "admin", owner: "team" });
    for (const token of [developer, bound]) {
      expect((await edge.api("GET", "/api/v1/audit", { token })).status).toBe(403);
    }
  });

  it("keeps its entries whatever is asked of the database", async () => {
    const { items: before } = await ask<Page>("GET", "/audit?limit=200");
    const { db } = edge;
    await expect(db.updateTable("audit_entries").set({ actor: "nobody" }).execute()).rejects.toThrow("never changed");
    await expect(db.deleteFrom("audit_entries").execute()).rejects.toThrow("never changed");
    expect((await ask<Page>("GET", "/audit?limit=200")).items).toEqual(before);
  });
});

const encodings = (hash: Buffer): string[] => [
  hash.toString("hex"),
  hash.toString("base64"),
  hash.toString("base64url"),
];

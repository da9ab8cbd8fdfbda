import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createFolderBlobStore } from "@windrow/blobs";
import type { Permissions, Trust } from "@windrow/model";
import { sumLfsBytes } from "@windrow/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeLfsObject } from "../src/git/lfs-upload.ts";
import { createTokenSecret } from "../src/http-api/token-secret.ts";
import { type Edge, startEdge, type WorkTree } from "./edge-kit.ts";

const CI = "on: push\njobs:\n  a:\n    runs-on: linux\n    steps:\n      - run: a\n";
let edge: Edge;
let token: string;
let tree: WorkTree;

beforeAll(async () => {
  edge = await startEdge();
  await edge.addAgent(["linux"]);
  token = await edge.makeToken({ role: "admin" });
  tree = await edge.makeWorkTree({ ".windrow/workflows/ci.yml": CI });
  for (const name of ["me/app", "me/library", "you/tools"]) {
    const pushed = await tree.push({ token, name });
    expect(pushed.code, pushed.stderr).toBe(0);
  }
});
afterAll(() => edge.stop());

/** The token of a job of `me/app` that runs. */
async function jobToken(permissions: Permissions, trust: Trust = "trusted"): Promise<string> {
  const { secret, hash } = createTokenSecret("wrt");
  const job = await edge.db
    .selectFrom("jobs")
    .innerJoin("repositories", "repositories.id", "jobs.repository_id")
    .select("jobs.id")
    .where("repositories.name", "=", "app")
    .executeTakeFirstOrThrow();
  const agent = await edge.db.selectFrom("agents").select("id").executeTakeFirstOrThrow();
  const now = new Date();
  await edge.db.updateTable("attempts").set({ state: "lost", finished_at: now }).execute();
  await edge.db.updateTable("jobs").set({ trust }).where("id", "=", job.id).execute();
  const { count } = await edge.db
    .selectFrom("attempts")
    .select((eb) => eb.fn.countAll<string>().as("count"))
    .executeTakeFirstOrThrow();
  await edge.db
    .insertInto("attempts")
    .values({
      ...{ id: randomUUID(), job_id: job.id, no: Number(count) + 1, agent_id: agent.id, pool: "default" },
      ...{ lease_id: randomUUID(), session_no: 1, state: "running", offer_until: now, lease_until: now },
      ...{ started_at: now, job_token_hash: hash, permissions: JSON.stringify(permissions) },
    })
    .execute();
  return secret;
}

const remote = (secret: string, name: string) => `${edge.url.replace("://", `://job:${secret}@`)}/git/${name}.git`;
const setReaders = (name: string, readable_by: string) =>
  edge.api("PATCH", `/api/v1/repositories/${name}`, { token, body: { readable_by } });

describe("a job's token and other repositories", () => {
  it("reads one only as far as that repository says, and never writes", async () => {
    const trusted = await jobToken({ contents: "write" });
    const look = async (secret: string, name: string) => {
      const { code, stderr } = await tree.git("ls-remote", remote(secret, name));
      return code === 0 ? "reads" : stderr;
    };
    expect(await look(trusted, "me/app")).toBe("reads");
    const no = await look(trusted, "me/library");
    expect(no).toContain("there is no repository me/library that jobs of me/app may read");
    expect(no).toContain("windrow repo set me/library --readable-by owner");
    // whether there is one is not told
    expect(await look(trusted, "me/nothing")).toContain(
      "there is no repository me/nothing that jobs of me/app may read",
    );

    expect((await setReaders("me/library", "owner")).status).toBe(200);
    expect((await setReaders("you/tools", "owner")).status).toBe(200);
    expect(await look(trusted, "me/library")).toBe("reads");
    expect(await look(trusted, "you/tools")).toContain("there is no repository you/tools that jobs of me/app may read");
    expect((await setReaders("you/tools", "farm")).status).toBe(200);
    expect(await look(trusted, "you/tools")).toBe("reads");

    await tree.commit({ more: randomUUID() });
    expect((await tree.git("push", remote(trusted, "me/library"), "main")).stderr).toContain(
      "this job may push to me/app only",
    );
    const stranger = await jobToken({ contents: "read" }, "untrusted");
    expect(await look(stranger, "me/app")).toBe("reads");
    expect(await look(stranger, "me/library")).toContain("there is no repository me/library");
    expect(await look(stranger, "you/tools")).toBe("reads");
  });

  it("reads nothing without `contents`, not even its own", async () => {
    const secret = await jobToken({ packages: "read" });
    for (const name of ["me/app", "you/tools"]) {
      expect((await tree.git("ls-remote", remote(secret, name))).stderr).toContain(
        "this job's token reads no repository",
      );
    }
  });

  it("is told of in the audit trail when an owner changes it", async () => {
    const entry = await edge.db
      .selectFrom("audit_entries")
      .selectAll()
      .where("action", "=", "repo.set")
      .where("subject", "=", "repo:you/tools")
      .orderBy("id", "desc")
      .executeTakeFirstOrThrow();
    expect(entry).toMatchObject({ before: { readable_by: "owner" }, after: { readable_by: "farm" } });
  });
});

describe("git LFS", () => {
  const bytes = Buffer.from("large and binary\0".repeat(100));
  const oid = createHash("sha256").update(bytes).digest("hex");
  const lfs = (name: string, path: string, init: RequestInit = {}, secret = token) =>
    fetch(`${edge.url}/git/${name}.git/info/lfs/${path}`, {
      ...init,
      headers: { authorization: `Basic ${Buffer.from(`t:${secret}`).toString("base64")}`, ...init.headers },
    });
  const batch = async (name: string, body: object, secret = token, headers: Record<string, string> = {}) => {
    const answer = await lfs(name, "objects/batch", { method: "POST", body: JSON.stringify(body), headers }, secret);
    const json: {
      objects?: { actions?: Record<string, { href: string }>; error?: { code: number } }[];
      message?: string;
    } = JSON.parse(await answer.text());
    return { status: answer.status, json, type: answer.headers.get("content-type") };
  };
  const ask = (operation: string, size = bytes.length) => ({ operation, objects: [{ oid, size }] });

  it("keeps a file by its digest, and gives it to who may read the repository", async () => {
    const asked = await batch("me/library", ask("upload"));
    expect(asked).toMatchObject({ status: 200, type: expect.stringContaining("application/vnd.git-lfs+json") });
    const upload = asked.json.objects?.[0]?.actions?.upload?.href ?? "";
    expect(upload).toBe(`${edge.url}/git/me/library.git/info/lfs/objects/${oid}`);
    expect((await lfs("me/library", `objects/${oid}`, { method: "PUT", body: "something else" })).status).toBe(400);
    expect((await batch("me/library", ask("download"))).json.objects?.[0]?.error?.code).toBe(404);
    expect((await lfs("me/library", `objects/${oid}`, { method: "PUT", body: bytes })).status).toBe(200);
    expect((await lfs("me/library", `objects/${oid}`, { method: "PUT", body: bytes })).status).toBe(200);
    expect((await batch("me/library", ask("upload"))).json.objects?.[0]?.actions).toBeUndefined();
    const got = await lfs("me/library", `objects/${oid}`);
    expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true);
    // what one repository has is not there for another
    expect((await batch("me/app", ask("download"))).json.objects?.[0]?.error?.code).toBe(404);
    expect((await lfs("me/library", "locks/verify", { method: "POST", body: "{}" })).status).toBe(404);
  });

  it("makes no repository for what is no question", async () => {
    for (const path of ["objects/batch", "locks"]) {
      expect((await lfs("me/none", path, { method: "PUT", body: "{}" })).status).toBe(404);
    }
    expect((await edge.api("GET", "/api/v1/repositories/me/none", { token })).status).toBe(404);
  });

  it("takes no more in all than a repository may have, however many come at the same time", async () => {
    const { id } = await edge.db
      .selectFrom("repositories")
      .select("id")
      .where("name", "=", "tools")
      .executeTakeFirstOrThrow();
    const repositoryId = Number(id);
    const blobs = await createFolderBlobStore(await mkdtemp(join(tmpdir(), "windrow-lfs-")));
    const files = Array.from({ length: 6 }, (_, no) => Buffer.from(`file ${no}`.padEnd(100)));
    const takes = await Promise.allSettled(
      files.map((file) =>
        takeLfsObject(
          { db: edge.db, blobs },
          {
            ...{ repositoryId, oid: createHash("sha256").update(file).digest("hex"), bytesMax: 250, createdBy: "me" },
            body: Readable.from([file]),
          },
        ),
      ),
    );
    expect(takes.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    expect(await sumLfsBytes(edge.db, repositoryId)).toBe(200);
    const kept = [];
    for await (const { key } of blobs.list("lfs/")) kept.push(key);
    expect(kept).toHaveLength(2);
  });

  it("refuses what is too large, no batch, or not the job's", async () => {
    const other = "e".repeat(64);
    const huge = { operation: "upload", objects: [{ oid: other, size: 6 * 1024 ** 3 }] };
    expect((await batch("me/library", huge)).json.objects?.[0]?.error?.code).toBe(422);
    expect((await batch("me/library", { operation: "destroy" })).status).toBe(400);
    expect((await batch("me/library", { ...ask("download"), transfers: ["ssh"] })).status).toBe(400);
    const secret = await jobToken({ contents: "read" });
    expect((await batch("me/library", ask("download"), secret)).status).toBe(200);
    expect((await batch("me/library", ask("upload"), secret)).status).toBe(403);
    expect((await batch("me/app", ask("upload"), secret)).status).toBe(403);
    const base = "http://127.0.0.1:4711/me/library.git/info/lfs";
    const inJob = await batch("me/library", ask("download"), secret, { "windrow-lfs-base": base });
    expect(inJob.json.objects?.[0]?.actions?.download).toEqual({ href: `${base}/objects/${oid}` });
    const odd = await batch("me/library", ask("download"), secret, { "windrow-lfs-base": "http://evil.example/lfs" });
    expect(odd.json.objects?.[0]?.actions?.download?.href).toContain(edge.url);
    expect((await lfs("me/library", `objects/${oid}`, {}, "wru_wrongwrongwrongwrongwrong")).status).toBe(401);
  });

  it("takes a push from a person's machine with git-lfs, into a repository that the push makes", async (context) => {
    const work = await edge.makeWorkTree({ ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n" });
    if ((await work.git("lfs", "version")).code !== 0) context.skip("git-lfs is not installed");
    await work.git("lfs", "install", "--local");
    await writeFile(join(work.dir, "large.bin"), bytes);
    await work.commit({}, "large");
    const pushed = await work.push({ token, name: "me/with-files" });
    expect(pushed.code, pushed.stderr).toBe(0);
    const other = await edge.makeWorkTree({});
    await other.git("lfs", "install", "--local");
    await other.git("remote", "add", "origin", `${edge.url.replace("://", `://t:${token}@`)}/git/me/with-files.git`);
    const pulled = await other.git("pull", "-q", "origin", "main");
    expect(pulled.code, pulled.stderr).toBe(0);
    expect((await other.git("hash-object", "--no-filters", "large.bin")).stdout).toBe(
      (await work.git("hash-object", "--no-filters", "large.bin")).stdout,
    );
  });
});

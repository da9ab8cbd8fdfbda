import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NATS_RELEASE, type NatsRelease } from "../src/nats/fetch-nats-release.ts";
import { findNatsServer } from "../src/nats/find-nats-server.ts";

const NAME = "nats-server-v9.9.9-linux-test";
const folder = mkdtempSync(join(tmpdir(), "windrow-find-nats-"));
let server: Server;
let release: NatsRelease;
let cacheDir = "";
let tarball: Buffer;
let askedCount = 0;

beforeAll(async () => {
  mkdirSync(join(folder, NAME));
  writeFileSync(join(folder, NAME, "nats-server"), "#!/bin/sh\necho nats-server: v9.9.9\n");
  chmodSync(join(folder, NAME, "nats-server"), 0o755);
  execFileSync("tar", ["-czf", join(folder, "good.tar.gz"), "-C", folder, NAME]);
  tarball = readFileSync(join(folder, "good.tar.gz"));
  server = createServer((request, response) => {
    askedCount++;
    if (request.url === `/good/${NAME}.tar.gz`) response.end(tarball);
    else if (request.url === `/bad/${NAME}.tar.gz`) response.end(Buffer.concat([tarball, Buffer.from([0])]));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sha256 = createHash("sha256").update(tarball).digest("hex");
  release = { version: "9.9.9", url: at("good"), archives: { [process.arch]: { name: NAME, sha256 } } };
});
beforeEach(() => {
  cacheDir = mkdtempSync(join(folder, "cache-"));
  askedCount = 0;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

function at(path: string): string {
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/${path}`;
}

/** A machine without nats-server and without Debian's tools. */
const find = (of: NatsRelease, told: string[] = []) =>
  findNatsServer({ programFolders: [], cacheDir }, (line) => told.push(line), of);

describe("where there is no nats-server and no package of it", () => {
  it("the pinned official release is fetched into the cache, once", async () => {
    const told: string[] = [];
    const binary = await find(release, told);
    expect(binary).toBe(join(cacheDir, "nats-server", "nats-server"));
    expect(execFileSync(binary, ["--version"], { encoding: "utf8" })).toBe("nats-server: v9.9.9\n");
    expect(told).toEqual(["fetching the official release 9.9.9 of nats-server, this once"]);
    expect(await find(release)).toBe(binary);
    expect([askedCount, readdirSync(join(cacheDir, "nats-server"))]).toEqual([1, ["nats-server"]]);
  });

  it("an archive that differs from the pinned checksum by a byte is refused, and nothing of it is kept", async () => {
    await expect(find({ ...release, url: at("bad") })).rejects.toMatchObject({
      code: "binary_missing",
      message: expect.stringMatching(/not the release: its SHA-256 is [0-9a-f]{64}, not [0-9a-f]{64}.*install it/s),
    });
    expect(existsSync(join(cacheDir, "nats-server"))).toBe(false);
  });

  it.each([
    ["it is not there", () => ({ ...release, url: at("nowhere") }), /answered 404/],
    [
      "nobody answers",
      () => ({ ...release, url: "http://127.0.0.1:1" }),
      /fetching its official release failed \(.*\)/,
    ],
    ["there is none for this processor", () => ({ ...release, archives: {} }), /there is none for/],
  ])("the way to get it is told when %s", async (_case, broken, message) => {
    await expect(find(broken())).rejects.toThrow(message);
    await expect(find(broken())).rejects.toThrow("so that it is on the PATH, and start again");
  });
});

it("the pinned release names an archive and a whole checksum for each processor", () => {
  expect(Object.keys(NATS_RELEASE.archives)).toEqual(["x64", "arm64"]);
  for (const { name, sha256 } of Object.values(NATS_RELEASE.archives)) {
    expect(name).toContain(`-v${NATS_RELEASE.version}-linux-`);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  }
});

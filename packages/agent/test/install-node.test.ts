import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NPM_REGISTRY_DEFAULT } from "../src/start/find-npm-registry.ts";
import { createNpmRegistry } from "../src/toolchains/npm-registry.ts";
import { TOOL_ARCH } from "../src/toolchains/tool-cache.ts";
import { SetupKit } from "./setup-kit.ts";

let kit: SetupKit;
let server: Server;
/** By path of the request. */
let answers: Map<string, Buffer | string>;
beforeEach(async () => {
  kit = new SetupKit();
  answers = new Map();
  server = createServer((request, response) => {
    const answer = answers.get(request.url ?? "");
    response.writeHead(answer === undefined ? 404 : 200).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  kit.remove();
});

const urlOf = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

/** Publishes versions of a package, all with these files. */
function publish(
  name: string,
  versions: readonly string[],
  files: Readonly<Record<string, string>>,
  integrity?: string,
): void {
  const source = mkdtempSync(join(kit.dir, "package-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(source, "package", path)), { recursive: true });
    writeFileSync(join(source, "package", path), text, { mode: 0o755 });
  }
  const tarball = execFileSync("tar", ["-C", source, "-czf", "-", "package"]);
  const sha512 = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  const listed: Record<string, unknown> = {};
  for (const version of versions) {
    answers.set(`/${name}-${version}.tgz`, tarball);
    listed[version] = { dist: { tarball: urlOf(`/${name}-${version}.tgz`), integrity: integrity ?? sha512 } };
  }
  answers.set(`/${name}`, JSON.stringify({ name, versions: listed }));
}
const publishNode = (versions: readonly string[], integrity?: string) => {
  publish(`node-linux-${TOOL_ARCH}`, versions, { "bin/node": '#!/bin/sh\necho "node $*"\n' }, integrity);
  const npm = "#!/bin/sh\necho npm\n";
  publish("npm", ["10.1.0", "11.5.0", "11.6.1"], { "bin/npm-cli.js": npm, "bin/npx-cli.js": npm });
  publish("corepack", ["0.30.0"], { "dist/corepack.js": npm });
};
const setUp = (wanted: string) => kit.setUp("setup-node", { "node-version": wanted }, createNpmRegistry(urlOf("")));

describe("a Node that the agent has not", () => {
  it("comes from the registry with its npm, once", async () => {
    publishNode(["24.1.0", "24.3.0", "25.0.0-rc.1"]);
    const [first, second] = await Promise.all([setUp("24"), setUp("24.x")]);
    const bin = join(kit.toolsDir, "node/24.3.0", TOOL_ARCH, "bin");
    for (const answer of [first, second]) {
      expect(answer).toMatchObject({ kind: "done", outputs: { "node-version": "v24.3.0" }, paths: [bin] });
    }
    expect(execFileSync(join(bin, "node"), ["x"], { encoding: "utf8" })).toBe("node x\n");
    for (const program of ["npm", "npx", "corepack"]) {
      expect(execFileSync(join(bin, program), { encoding: "utf8" })).toBe("npm\n");
    }
    server.closeAllConnections();
    answers.clear();
    expect(await setUp("24")).toMatchObject({ kind: "done", outputs: { "node-version": "v24.3.0" } });
    expect(readdirSync(kit.toolsDir)).toEqual(["node"]);
  });

  it("is an error naming those that can be had", async () => {
    publishNode(["20.1.0", "24.3.0"]);
    kit.cached("node", "22.1.0");
    const answer = await setUp("18");
    expect(answer).toMatchObject({
      kind: "refused",
      why: expect.stringMatching(/Node 18 cannot be had: this agent has 22\.1\.0; .* has 24\.3\.0, 20\.1\.0/),
    });
  });

  it("is not taken when its bytes are others than the registry says", async () => {
    publishNode(["24.3.0"], `sha512-${Buffer.alloc(64).toString("base64")}`);
    const answer = await setUp("24");
    expect(answer).toMatchObject({ kind: "refused", why: expect.stringMatching(/SHA-512 differs/) });
    expect(readdirSync(kit.toolsDir)).toEqual([]);
  });

  it("is refused when what the registry gives is no list", async () => {
    answers.set(`/node-linux-${TOOL_ARCH}`, "<html>a proxy's own page</html>");
    const answer = await setUp("24");
    expect(answer).toMatchObject({ kind: "refused", why: expect.stringMatching(/gave no list of the versions/) });
  });

  it("that is asked for as the latest is the newest of the agent when the registry is away", async () => {
    kit.cached("node", "22.1.0");
    const answer = await kit.setUp("setup-node", { "node-version": "latest" }, createNpmRegistry("http://127.0.0.1:9"));
    expect(answer).toMatchObject({ kind: "done", outputs: { "node-version": "v22.1.0" } });
  });
});

describe("the real registry", () => {
  it("gives a Node that runs, with an npm that runs", async () => {
    const registry = createNpmRegistry(NPM_REGISTRY_DEFAULT);
    const answer = await kit.setUp("setup-node", { "node-version": "20.9.0" }, registry);
    if (answer.kind === "refused" && /cannot be reached|answers \d/.test(answer.why)) {
      process.stdout.write("a Node from npm: not tried, the registry cannot be reached from here\n");
      return;
    }
    if (answer.kind !== "done") throw new Error(JSON.stringify(answer));
    const [bin = ""] = answer.paths;
    const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: kit.dir };
    expect(execFileSync("node", ["--version"], { env, encoding: "utf8" })).toBe("v20.9.0\n");
    expect(execFileSync("npm", ["--version"], { env, encoding: "utf8" })).toMatch(/^10\./);
    expect(execFileSync("corepack", ["--version"], { env, encoding: "utf8" })).toMatch(/^0\./);
  }, 120_000);
});

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const BIN = join(ROOT, "packages", "cli", "bin");
const folder = mkdtempSync(join(tmpdir(), "windrow-bin-test-"));
const systemPath = (process.env.PATH ?? "").split(delimiter).filter((part) => !part.includes("node_modules"));

/** A Node of the machine that is older than the one the farm runs on, if there is one. */
const oldNode = systemPath
  .map((part) => join(part, "node"))
  .filter((file) => existsSync(file))
  .find((file) => Number(execFileSync(file, ["-p", "process.versions.node.split('.')[0]"], { encoding: "utf8" })) < 24);

/** A copy of the entry points in a checkout of its own, with the dependencies of this one. */
function makeCheckout(name: string): string {
  const root = join(folder, name);
  mkdirSync(join(root, "packages", "cli", "src"), { recursive: true });
  execFileSync("cp", ["-r", BIN, join(root, "packages", "cli", "bin")]);
  execFileSync("cp", [join(ROOT, "pnpm-lock.yaml"), join(ROOT, "pnpm-workspace.yaml"), root]);
  mkdirSync(join(root, "node_modules"));
  symlinkSync(join(ROOT, "node_modules", ".bin"), join(root, "node_modules", ".bin"));
  symlinkSync(join(ROOT, "node_modules", "tsx"), join(root, "node_modules", "tsx"));
  writeFileSync(join(root, "package.json"), '{ "private": true, "type": "module" }');
  return root;
}

/** Says that the dependencies are as the lock file wants them, as an install does at its end. */
function stamp(root: string): void {
  const script = `const { fingerprint } = require(${JSON.stringify(join(root, "packages/cli/bin/ensure.cjs"))});
    require("node:fs").writeFileSync(${JSON.stringify(join(root, "node_modules", ".windrow-installed"))}, fingerprint());`;
  execFileSync(process.execPath, ["-e", script]);
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the windrow command", () => {
  it("shows no token in the process list once it has begun", async () => {
    const server = createServer();
    const asked = once(server, "connection");
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    const args = [join(BIN, "windrow.cjs"), "run", "list", "-a", "--url", url, "--token", "wru_secret"];
    const child = spawn(process.execPath, args, { stdio: "ignore" });
    await asked;
    const shown = readFileSync(`/proc/${child.pid}/cmdline`, "latin1").split("\0");
    expect(shown.filter((word) => word !== "")).toEqual(["windrow"]);
    child.kill("SIGKILL");
    await once(child, "exit");
    server.close();
  });

  it("runs the program with its arguments, terminal and exit code, on the Node of the dependencies", () => {
    const root = makeCheckout("plain");
    stamp(root);
    writeFileSync(
      join(root, "packages/cli/src/main.ts"),
      `const version: string = process.versions.node; console.log(JSON.stringify([version.split(".")[0], ...process.argv.slice(2)])); process.exitCode = 5;`,
    );
    for (const node of [process.execPath, ...(oldNode === undefined ? [] : [oldNode])]) {
      const result = spawnSync(node, [join(root, "packages/cli/bin/windrow.cjs"), "a", "b c"], { encoding: "utf8" });
      expect(result.stderr).toBe("");
      expect(JSON.parse(result.stdout)).toEqual(["24", "a", "b c"]);
      expect(result.status).toBe(5);
    }
    const start = spawnSync(process.execPath, [join(root, "packages/cli/bin/start.cjs"), "--json"], {
      encoding: "utf8",
    });
    expect(JSON.parse(start.stdout)).toEqual(["24", "up", "--json"]);
  });

  it.runIf(oldNode !== undefined)("passes signals on to the program it runs", async () => {
    const root = makeCheckout("signals");
    stamp(root);
    writeFileSync(
      join(root, "packages/cli/src/main.ts"),
      `process.on("SIGTERM", () => process.exit(42)); setInterval(() => {}, 1000); console.log("up");`,
    );
    const child = spawn(oldNode ?? "", [join(root, "packages/cli/bin/windrow.cjs")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([42, null]);
  });

  it("names git and the way to get it when git is missing", () => {
    const root = makeCheckout("no-git");
    stamp(root);
    const command = [join(root, "packages/cli/bin/windrow.cjs")];
    const result = spawnSync(process.execPath, command, { encoding: "utf8", env: { PATH: join(folder, "nothing") } });
    expect(result.status).toBe(3);
    expect(result.stderr).toMatch(/^windrow: git is missing: install it .*\n$/);
  });

  it("says what to do when the dependencies cannot be installed", () => {
    const root = makeCheckout("no-network");
    const tools = join(folder, "tools");
    mkdirSync(tools);
    symlinkSync(execFileSync("which", ["git"], { encoding: "utf8" }).trim(), join(tools, "git"));
    const run = () =>
      spawnSync(process.execPath, [join(root, "packages/cli/bin/bootstrap.cjs"), "tsx", "--version"], {
        encoding: "utf8",
        env: { PATH: tools },
      });
    expect(run()).toMatchObject({ status: 3, stderr: expect.stringContaining("npx is missing") });
    writeFileSync(join(tools, "npx"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    expect(run()).toMatchObject({ status: 3, stderr: expect.stringContaining("npm registry cannot be reached") });
  });

  it("installs when the lock file changed, once", () => {
    const root = makeCheckout("fresh");
    const tools = join(folder, "counting");
    mkdirSync(tools);
    writeFileSync(join(tools, "npx"), `#!/bin/sh\necho "$@" >>${join(tools, "calls")}\n`, { mode: 0o755 });
    const env = { ...process.env, PATH: [tools, ...systemPath].join(delimiter) };
    for (let start = 0; start < 2; start++) {
      const args = [join(root, "packages/cli/bin/bootstrap.cjs"), "tsx", "--version"];
      expect(spawnSync(process.execPath, args, { env, encoding: "utf8" }).status).toBe(0);
    }
    const calls = execFileSync("cat", [join(tools, "calls")], { encoding: "utf8" })
      .trim()
      .split("\n");
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatch(/^--yes pnpm@[0-9.]+ install --frozen-lockfile /);
  });
});

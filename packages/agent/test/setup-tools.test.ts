import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readNodeWish } from "../src/toolchains/node-releases.ts";
import { readPythonWish } from "../src/toolchains/python-version-file.ts";
import { SetupKit } from "./setup-kit.ts";

let kit: SetupKit;
beforeEach(() => {
  kit = new SetupKit();
});
afterEach(() => kit.remove());

describe("setup-node", () => {
  beforeEach(() => {
    kit.program("node", "v22.3.1");
    kit.cached("node", "20.11.0");
    kit.cached("node", "20.9.0");
    kit.cached("node", "24.2.0");
  });

  it.each([
    ["20", "20.11.0"],
    ["20.9", "20.9.0"],
    ["v20.9.0", "20.9.0"],
    ["22.x", "22.3.1"],
    [">=20 <24", "22.3.1"],
    ["^20.1.0", "20.11.0"],
    ["lts/*", "24.2.0"],
    ["lts/-1", "22.3.1"],
    ["lts/Iron", "20.11.0"],
  ])("takes for %s the newest that the agent has: %s", async (wanted, version) => {
    const answer = await kit.setUp("setup-node", { "node-version": wanted });
    const bin = version === "22.3.1" ? kit.binDir : join(kit.toolsDir, "node", version);
    expect(answer).toMatchObject({ kind: "done", outputs: { "node-version": `v${version}`, "cache-hit": "" } });
    expect(answer).toMatchObject({ paths: [expect.stringContaining(bin)] });
  });

  it.each([
    [".nvmrc", "v20.9.0\n", "20.9.0"],
    [".node-version", "# which\n20.9\n", "20.9.0"],
    [".tool-versions", "python 3.12.1\nnodejs 20.9.0\n", "20.9.0"],
    ["package.json", '{"engines":{"node":">=20 <21"}}', "20.11.0"],
    ["web/package.json", '{"volta":{"node":"20.9.0"},"engines":{"node":"22"}}', "20.9.0"],
    ["package.json", '{"devEngines":{"runtime":[{"name":"node","version":"^22"}]}}', "22.3.1"],
  ])("reads the version in %s", async (path, text, version) => {
    kit.write(path, text);
    const answer = await kit.setUp("setup-node", { "node-version-file": path });
    expect(answer).toMatchObject({ kind: "done", outputs: { "node-version": `v${version}` } });
  });

  it("reads no file that a link leads to outside of the workspace", async () => {
    writeFileSync(join(kit.dir, "secret"), "20.9.0");
    symlinkSync(join(kit.dir, "secret"), join(kit.workspaceDir, ".nvmrc"));
    const answer = await kit.setUp("setup-node", { "node-version-file": ".nvmrc" });
    expect(answer).toMatchObject({ kind: "refused", why: expect.stringMatching(/'\.nvmrc' is not a file/) });
    expect(await kit.setUp("setup-node", { "node-version-file": "../../../secret" })).toMatchObject({
      kind: "refused",
    });
  });

  it("takes the machine's own without a version", async () => {
    expect(await kit.setUp("setup-node", {})).toMatchObject({ outputs: { "node-version": "v22.3.1" } });
  });

  it("says what has no effect here", async () => {
    const inputs = { "node-version": "20", "check-latest": "true", cache: "npm" };
    const answer = await kit.setUp("setup-node", inputs);
    if (answer.kind !== "done") throw new Error(answer.kind);
    expect(answer.say.join("\n")).toMatch(/check-latest has no effect[\s\S]*cache: npm has no effect/);
  });

  it.each([
    [{ "node-version": "20", architecture: "x86" }, /cannot set up Node for x86/],
    [{ "node-version": "twenty" }, /'twenty' is not a version/],
    [{ "node-version": "lts/none" }, /not a line of Node; there are krypton, jod/],
    [{ "node-version": "21-nightly" }, /test build/],
    [{ "node-version": "20", "registry-url": "file:///etc" }, /not an http or https URL/],
    [{ "node-version": "20", "registry-url": "https://r.example", scope: "a b" }, /not a name of a scope/],
  ])("refuses %j", async (inputs, why) => {
    const answer = await kit.setUp("setup-node", Object.fromEntries(Object.entries(inputs)));
    expect(answer).toMatchObject({ kind: "refused", why: expect.stringMatching(why) });
  });

  it("has the job write an .npmrc that holds no token", async () => {
    const answer = await kit.setUp("setup-node", {
      "node-version": "20",
      "registry-url": "https://npm.example.org",
      scope: "Team",
    });
    if (answer.kind !== "run") throw new Error(answer.kind);
    expect(answer.env.WINDROW_SETUP_NPMRC).toBe(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: npm fills it in
      "//npm.example.org/:_authToken=${NODE_AUTH_TOKEN}\n@team:registry=https://npm.example.org/\n",
    );
  });
});

it.each([
  ["lts/*", "2026-11-01", "26.x"],
  ["lts/*", "2026-10-01", "24.x"],
  ["lts/-2", "2026-10-01", "20.x"],
])("%s on %s is Node %s", (wish, day, range) => {
  expect(readNodeWish(wish, Date.parse(day))).toEqual({ kind: "range", range });
});

describe("setup-python", () => {
  beforeEach(() => {
    kit.program("python3", "Python 3.12.4");
    kit.program("python3.9", "Python 3.9.19");
    kit.cached("Python", "3.11.2");
  });

  it.each([
    ["3.12", "3.12.4"],
    ["3.x", "3.12.4"],
    ["3.9", "3.9.19"],
    ["<3.12", "3.11.2"],
    ["3.9\n3.11", "3.11.2"],
  ])("takes for %j Python %s", async (wanted, version) => {
    const answer = await kit.setUp("setup-python", { "python-version": wanted });
    expect(answer).toMatchObject({ kind: "run", env: { WINDROW_SETUP_VERSION: version } });
  });

  it.each([
    ["pyproject.toml", '[project]\nrequires-python = ">=3.9,<3.12"\n', "3.11.2"],
    ["Pipfile", '[requires]\npython_version = "3.9"\n', "3.9.19"],
    [".python-version", "3.11\n", "3.11.2"],
  ])("reads the version in %s", async (path, text, version) => {
    kit.write(path, text);
    const answer = await kit.setUp("setup-python", { "python-version-file": path });
    expect(answer).toMatchObject({ env: { WINDROW_SETUP_VERSION: version } });
  });

  it.each([
    ["empty lines", "\n".repeat(1_000_000)],
    ["quotes that do not end", "requires-python = '\n".repeat(50_000)],
    ["alternatives", `requires-python = "${"1||".repeat(300_000)}1"`],
  ])("is quick to read a file of nothing but %s", async (_what, text) => {
    kit.program("python3", "Python 3.12.1");
    kit.write("pyproject.toml", text);
    const beganMs = performance.now();
    const answer = await kit.setUp("setup-python", { "python-version-file": "pyproject.toml" });
    expect(answer.kind).toBe("refused");
    expect(performance.now() - beganMs).toBeLessThan(3_000);
  });

  it("names the versions that can be had", async () => {
    const answer = await kit.setUp("setup-python", { "python-version": "3.14" });
    expect(answer).toMatchObject({
      kind: "refused",
      why: expect.stringMatching(/3\.14 cannot be had: .*3\.12\.4, 3\.11\.2, 3\.9\.19/),
    });
    expect(await kit.setUp("setup-python", { "python-version": "pypy3.10" })).toMatchObject({ kind: "refused" });
  });
});

it.each([
  [">=3.10,<4", ">=3.10 <4"],
  ["~=3.10", ">=3.10 <4"],
  ["~=3.10.2", "~3.10.2"],
  ["==3.11.*", "3.11.x"],
  ["3.13-dev", "~3.13.0-0"],
  [">=3.9, !=3.9.1", ">=3.9"],
])("the Python version %s means %s", (text, range) => {
  expect(readPythonWish(text)).toEqual({ kind: "range", range });
});

describe("setup-go", () => {
  beforeEach(() => {
    kit.program("go", "go version go1.25.1 linux/amd64");
    kit.cached("go", "1.24.6");
    kit.cached("go", "1.22.0");
  });

  it.each([
    ["1.24", "1.24.6"],
    ["^1.22.0", "1.25.1"],
    ["stable", "1.25.1"],
    ["oldstable", "1.24.6"],
    ["1.22.0", "1.22.0"],
  ])("takes for %s Go %s", async (wanted, version) => {
    const answer = await kit.setUp("setup-go", { "go-version": wanted });
    expect(answer).toMatchObject({ kind: "done", outputs: { "go-version": version } });
  });

  it.each([
    ["go.mod", "module x\n\ngo 1.22\n\ntoolchain go1.24.6\n", "1.24.6"],
    ["go.work", "go 1.22.0\n", "1.22.0"],
    [".go-version", "1.25.1\n", "1.25.1"],
  ])("reads the version in %s", async (path, text, version) => {
    kit.write(path, text);
    expect(await kit.setUp("setup-go", { "go-version-file": path })).toMatchObject({
      outputs: { "go-version": version },
    });
  });

  it("names the versions that can be had", async () => {
    const answer = await kit.setUp("setup-go", { "go-version": "1.19" });
    expect(answer).toMatchObject({
      why: expect.stringMatching(/Go 1\.19 cannot be had: this agent has 1\.25\.1, 1\.24\.6, 1\.22\.0/),
    });
  });
});

describe("setup-java", () => {
  it("takes a JDK of the tool cache and says where it is", async () => {
    kit.cached("Java_Temurin-Hotspot_jdk", "99.0.2-7");
    const home = join(kit.toolsDir, "Java_Temurin-Hotspot_jdk/99.0.2-7");
    const folder = join(home, process.arch);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "release"), 'JAVA_VERSION="99.0.2"\n');
    const answer = await kit.setUp("setup-java", { "java-version": "99", distribution: "temurin" });
    expect(answer).toMatchObject({
      kind: "done",
      outputs: { version: "99.0.2", path: folder, distribution: "temurin" },
      env: [
        ["JAVA_HOME", folder],
        [`JAVA_HOME_99_${process.arch.toUpperCase()}`, folder],
      ],
      paths: [join(folder, "bin")],
    });
  });

  it("refuses what it has not, and a step without a version", async () => {
    const none = await kit.setUp("setup-java", { "java-version": "98", distribution: "zulu" });
    expect(none).toMatchObject({ kind: "refused", why: expect.stringMatching(/Java 98 cannot be had/) });
    expect(await kit.setUp("setup-java", { distribution: "zulu" })).toMatchObject({ kind: "refused" });
  });
});

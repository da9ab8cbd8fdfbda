import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runOffline } from "./run-offline.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "windrow-init-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const init = (args: string[] = [], cwd = folder) => runOffline(["init", ...args], { cwd });
const written = () => path.join(folder, ".windrow/workflows/ci.yml");

function write(name: string, text = ""): void {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), text);
}

test("writes the usual workflow of the project, in the root of the repository", async () => {
  execFileSync("git", ["init", "--quiet"], { cwd: folder });
  write("pyproject.toml", "[project]\nname = 'x'\n[tool.pytest.ini_options]\n");
  write("src/x/__init__.py");
  const ended = await init([], path.join(folder, "src/x"));
  expect([ended.code, ended.out]).toEqual([0, ".windrow/workflows/ci.yml\n"]);
  expect(ended.err).toContain("windrow try");
  expect(readFileSync(written(), "utf8")).toContain("python -m pytest");
});

test("refuses to overwrite without --force", async () => {
  write("package.json");
  write(".windrow/workflows/ci.yml", "mine\n");
  const refused = await init();
  expect(refused.code).toBe(1);
  expect(refused.err).toContain("error: there is .windrow/workflows/ci.yml already");
  expect(readFileSync(written(), "utf8")).toBe("mine\n");
  expect((await init(["--force"])).code).toBe(0);
  expect(readFileSync(written(), "utf8")).toContain("npm install");
});

test("does not put workflows that run already out of force", async () => {
  write("package.json");
  write(".github/workflows/build.yml", "on: push\n");
  const refused = await init();
  expect(refused.code).toBe(1);
  expect(refused.err).toContain(".github/workflows/build.yml already, which runs as it is");
  expect(existsSync(written())).toBe(false);
});

test("--print shows the file and writes nothing, also where there is one", async () => {
  write("go.mod");
  write(".windrow/workflows/ci.yml", "mine\n");
  const ended = await init(["--print"]);
  expect([ended.code, ended.err]).toEqual([0, ""]);
  expect(ended.out).toMatch(/^# .*\nname: CI\n[\s\S]*go test/);
  expect(readFileSync(written(), "utf8")).toBe("mine\n");
});

test("--json says what was written", async () => {
  write("Cargo.toml");
  const ended = await init(["--json"]);
  expect(JSON.parse(ended.out)).toEqual({
    path: ".windrow/workflows/ci.yml",
    language: "rust",
    text: readFileSync(written(), "utf8"),
    written: true,
  });
});

test("the settings of the project say its language where several are there", async () => {
  write("package.json");
  write(".windrow/settings.yml", "version: 1\nlanguage: ruby\n");
  expect(JSON.parse((await init(["--print", "--json"])).out)).toMatchObject({ language: "ruby" });
  expect(JSON.parse((await init(["--print", "--json", "--language", "go"])).out)).toMatchObject({ language: "go" });
});

test("asks for the language where nothing shows it, and knows the name that was meant", async () => {
  const ended = await init();
  expect(ended.code).toBe(1);
  expect(ended.err).toContain("windrow init --language node|");
  const wrong = await init(["--language", "pyhton"]);
  expect([wrong.code, wrong.err]).toEqual([3, 'error: there is no language "pyhton"\nhint: Did you mean "python"?\n']);
  expect((await init(["--language", "go", "--print"])).out).toContain("go test");
});

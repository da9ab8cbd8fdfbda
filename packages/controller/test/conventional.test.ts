import type { Run } from "@windrow/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Edge, startEdge } from "./edge-kit.ts";

let edge: Edge;
let token: string;
beforeAll(async () => {
  edge = await startEdge();
  token = await edge.makeToken();
  await edge.addAgent(["linux", "rust"]);
});
afterAll(() => edge.stop());

const newestRun = async (name: string): Promise<Run> => {
  const { items } = await edge.json<{ items: Run[] }>("GET", `/api/v1/runs?repository=me/${name}`, { token });
  return edge.json<Run>("GET", `/api/v1/runs/${items[0]?.id}`, { token });
};

it("a push without a workflow file runs the usual workflow of its language, and says how to make it a file", async () => {
  const tree = await edge.makeWorkTree({ "Cargo.toml": "[package]\nname = 'x'\n", "src/main.rs": "fn main() {}\n" });
  const pushed = await tree.push({ token, name: "crate" });
  expect(pushed.code, pushed.stderr).toBe(0);
  expect(pushed.stderr).toContain("of CI started");
  expect(pushed.stderr).toContain(
    "the repository has no workflow file; what runs is the usual workflow of a rust project",
  );
  expect(pushed.stderr).toContain("`windrow init` writes it to .windrow/workflows/ci.yml");
  const run = await newestRun("crate");
  expect(run).toMatchObject({
    workflow_path: ".windrow/workflows/ci.yml (conventional)",
    jobs: [{ name: "Install and test (rust)", labels: ["linux", "rust"] }],
  });
});

it("texts of project files decide how it tests", async () => {
  const tree = await edge.makeWorkTree({ Makefile: "all:\n\ttrue\ncheck: all\n\ttrue\n" });
  await tree.push({ token, name: "made" });
  expect((await newestRun("made")).jobs).toMatchObject([{ labels: ["linux"] }]);
});

it("a workflow file, even one that a push does not start, takes its place", async () => {
  const own = "on: workflow_dispatch\njobs: {a: {runs-on: linux, steps: [{run: 'true'}]}}\n";
  const tree = await edge.makeWorkTree({ "Cargo.toml": "", ".github/workflows/own.yml": own });
  const pushed = await tree.push({ token, name: "own" });
  expect(pushed.stderr).toContain("nothing to build: .github/workflows/own.yml:");
});

it("settings say the language where files show another, and their mistakes are told at their place", async () => {
  const language = "version: 1\nlanguage: go\ntests: { reports: out.xml }\n";
  const tree = await edge.makeWorkTree({ "Cargo.toml": "", ".windrow/settings.yml": language });
  const pushed = await tree.push({ token, name: "set" });
  expect((await newestRun("set")).jobs).toMatchObject([{ name: "Install and test (go)" }]);
  expect(pushed.stderr).toContain(".windrow/settings.yml:3:1");
  await tree.commit({ ".windrow/settings.yml": "version: 1\nlangauge: go\n" });
  expect((await tree.push({ token, name: "set" })).stderr).toContain(".windrow/settings.yml:2:1");
  expect(await newestRun("set")).toMatchObject({ conclusion: "failure", jobs: [] });
  await tree.commit({ ".windrow/settings.yml": `version: 1\n${"#".repeat(20_000)}\n` });
  expect((await tree.push({ token, name: "set" })).stderr).toContain("the limit is 16 KiB");
});

it("a job prefers the pool of its repository's language, else one with that label, else none", async () => {
  await edge.db
    .insertInto("pools")
    .values({ name: "rails", labels: ["ruby", "linux"], priority: 1 })
    .execute();
  await edge.db
    .insertInto("pools")
    .values({ name: "gems", labels: ["ruby"] })
    .execute();
  const preferredOf = async (name: string, files: Record<string, string>) => {
    await (await edge.makeWorkTree(files)).push({ token, name });
    const { jobs } = await newestRun(name);
    const query = edge.db.selectFrom("jobs").select("preferred_pool");
    return (await query.where("id", "=", jobs[0]?.id ?? 0).executeTakeFirst())?.preferred_pool;
  };
  expect(await preferredOf("go", { "go.mod": "module x\n" })).toBe("go");
  expect(await preferredOf("ruby", { Gemfile: "" })).toBe("rails");
  expect(await preferredOf("php", { "composer.json": "{}" })).toBeNull();
  const settings = { "go.mod": "module x\n", ".windrow/settings.yml": "version: 1\nlanguage: python\n" };
  expect(await preferredOf("set-python", settings)).toBe("python");
  const own = "on: push\njobs: {a: {runs-on: linux, steps: [{run: 'true'}]}}\n";
  expect(await preferredOf("own-file", { "Cargo.toml": "", ".windrow/workflows/ci.yml": own })).toBe("rust");
});

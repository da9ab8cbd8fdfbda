import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

test("every file that the architecture page names exists", () => {
  const page = readFileSync(join(root, "packages/docs/architecture.md"), "utf8");
  const named = [...page.matchAll(/`((?:packages|proto|test)\/[\w./-]+\.(?:ts|proto|sh|cjs))`/g)].map(
    (match) => match[1] ?? "",
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("every loop of the controller and the agent is listed in the page of loops, and the other way round", () => {
  const page = readFileSync(join(root, "packages/docs/loops.md"), "utf8");
  const listed = [...page.matchAll(/^\| `([\w -]+)` \|/gm)].map((match) => match[1] ?? "").sort();
  // the sweeps' own `every(name, …)` starts a loop; one loop per pool has the pool's name behind its own
  const starts = /(?:startLoop\(\{\s*name: |\bevery\()["`]([\w-]+(?: [\w-]+)*)/g;
  const started = ["controller", "agent"]
    .flatMap((name) => sourceFiles(join(root, "packages", name, "src")))
    .flatMap((file) => [...readFileSync(file, "utf8").matchAll(starts)].map((match) => match[1] ?? ""));
  expect(listed).toEqual([...new Set(started)].sort());
});

test("every metric of the controller is told in the manual, and the other way round", () => {
  const docs = join(root, "packages/docs");
  const pages = readdirSync(docs).filter((name) => name.endsWith(".md"));
  const told = pages.flatMap((name) => readFileSync(join(docs, name), "utf8").match(/\bwindrow_[a-z_]+[a-z]/g) ?? []);
  const counted = sourceFiles(join(root, "packages/controller/src")).flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/^\s*name: "(windrow_\w+)",$|[{(] ?name: "(windrow_\w+)"/gm)].map(
      ([, alone, beside]) => alone ?? beside ?? "",
    ),
  );
  expect(counted.length).toBeGreaterThan(20);
  expect([...new Set(told)].sort()).toEqual([...new Set(counted)].sort());
});

test("every relative link of the manual and the README leads somewhere", () => {
  const pages = [
    ...readdirSync(join(root, "packages/docs"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md") && !name.includes("node_modules"))
      .map((name) => join(root, "packages/docs", name)),
    ...["README.md", "CONTRIBUTING.md", "SECURITY.md"].map((name) => join(root, name)),
  ];
  const broken = pages.flatMap((page) =>
    [...readFileSync(page, "utf8").matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] ?? "")
      .filter((link) => !existsSync(join(dirname(page), link)))
      .map((link) => `${page}: ${link}`),
  );
  expect(broken).toEqual([]);
});

test("nothing else has grown at the top of the repository", () => {
  const allowed = new Set([
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "biome.json",
    "deploy",
    "node_modules",
    "package.json",
    "packages",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "proto",
    "test",
    "tsconfig.json",
    "vitest.config.ts",
  ]);
  expect(readdirSync(root).filter((name) => !name.startsWith(".") && !allowed.has(name))).toEqual([]);
});

function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => join(dir, name));
}

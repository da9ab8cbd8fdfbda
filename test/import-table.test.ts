import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const run = promisify(execFile);

/** Which packages a package may import, lowest first: imports point down only, and siblings do not know each other. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  contract: ["model"],
  service: [],
  certificates: ["service"],
  workflow: ["model"],
  wire: ["model"],
  store: ["model"],
  blobs: ["model"],
  backends: ["model", "service"],
  providers: ["model", "service"],
  embedded: ["service"],
  controller: ["model", "contract", "service", "workflow", "wire", "store", "blobs", "certificates", "providers"],
  agent: ["model", "service", "workflow", "wire", "backends", "certificates"],
  cli: ["model", "contract", "service", "workflow", "embedded", "certificates"],
};

/** The libraries that one package keeps to itself. */
const OWNERS: Readonly<Record<string, string>> = {
  "@actions/expressions": "workflow",
  "@actions/workflow-parser": "workflow",
  "@grpc/grpc-js": "wire",
  "@peculiar/x509": "certificates",
  commander: "cli",
  fastify: "controller",
  kysely: "store",
  nats: "wire",
  pg: "store",
};

const packages = Object.keys(MAY_IMPORT);
const isSourceOf = (name: string) => existsSync(join(root, "packages", name, "src"));

interface Import {
  readonly from: string;
  readonly of: string;
  readonly isAllowed: boolean;
}

const IMPORTS: readonly Import[] = packages.flatMap((from) => [
  ...packages
    .filter((name) => name !== from)
    .map((name) => ({ from, of: `@windrow/${name}`, isAllowed: MAY_IMPORT[from]?.includes(name) ?? false })),
  ...Object.entries(OWNERS).map(([library, owner]) => ({ from, of: library, isAllowed: from === owner })),
  { from, of: `../../${from === "model" ? "service" : "model"}/src/index.ts`, isAllowed: false },
]);

/** One import each, so that the check's answer for one says nothing about another. */
const fileOf = (one: Import) => `packages/${one.from}/src/case-${IMPORTS.indexOf(one)}.ts`;

let refused: ReadonlySet<string>;
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "windrow-imports-"));
  copyFileSync(join(root, "biome.json"), join(dir, "biome.json"));
  for (const one of IMPORTS) {
    const file = join(dir, fileOf(one));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `import * as other from "${one.of}";\n\nexport const used = [other];\n`);
  }
  refused = await lintImports();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("every package with source stands in the table", () => {
  expect(readdirSync(join(root, "packages")).filter(isSourceOf).sort()).toEqual([...packages].sort());
});

test("an import against the table fails the check, one along it does not", () => {
  const wrong = IMPORTS.filter((one) => refused.has(fileOf(one)) === one.isAllowed);
  expect(wrong.map((one) => `${one.from} ${one.isAllowed ? "may not" : "may"} import ${one.of}`)).toEqual([]);
});

/** The files in which the lint finds a forbidden import. */
async function lintImports(): Promise<ReadonlySet<string>> {
  const args = ["lint", "--vcs-enabled=false", "--only=style/noRestrictedImports", "--max-diagnostics=none"];
  const biome = join(root, "node_modules/.bin/biome");
  const { stdout } = await run(biome, [...args, "--reporter=json", "."], { cwd: dir, maxBuffer: 64 << 20 }).catch(
    (error: { stdout?: string }) => {
      // exit code 1: it found something
      if (error.stdout === undefined || error.stdout === "") throw error;
      return { stdout: error.stdout };
    },
  );
  return new Set([...stdout.matchAll(/packages\/[\w/-]+\/case-\d+\.ts/g)].map((match) => match[0]));
}

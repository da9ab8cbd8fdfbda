import { describe, expect, it, test } from "vitest";
import { conventionalWorkflow } from "./conventional-workflow.ts";
import { LANGUAGES } from "./detect-language.ts";
import { parseWorkflow } from "./parse-workflow.ts";

const ROOTS: readonly (readonly [
  language: string,
  names: string[],
  lines: string[],
  texts?: Record<string, string>,
])[] = [
  [
    "node",
    ["package.json", "package-lock.json", ".nvmrc"],
    ["npm ci", "node-version-file: .nvmrc", "npm test --if-present"],
  ],
  ["node", ["package.json"], ["npm install"]],
  ["node", ["package.json", "yarn.lock"], ["yarn@1 install --frozen-lockfile"]],
  ["node", ["package.json", "yarn.lock", ".yarnrc.yml"], ["corepack yarn install --immutable"]],
  ["node", ["package.json", "pnpm-lock.yaml"], ["pnpm install --frozen-lockfile"]],
  ["bun", ["package.json", "bun.lock"], ["bun test"]],
  ["deno", ["deno.json"], ["deno test --allow-all"]],
  ["python", ["pyproject.toml", "pytest.ini"], ["pip install .", "pip install pytest", "python -m pytest"]],
  ["python", ["requirements.txt", "tests"], ["pip install -r requirements.txt", "unittest discover -s tests -t ."]],
  [
    "python",
    ["pyproject.toml", "requirements-dev.txt"],
    ["pip install '.[tests]'", "pip install -r requirements-dev.txt", "python -m pytest"],
    { "pyproject.toml": "[project]\nname='x'\n[project.optional-dependencies]\ntests = ['pytest']\n" },
  ],
  ["python", ["setup.py"], ["pip install .", "python -m unittest discover"]],
  ["go", ["go.mod"], ["actions/setup-go@v5", "go test ./..."]],
  ["rust", ["Cargo.toml", "Cargo.lock"], ["cargo test --locked"]],
  ["rust", ["Cargo.toml"], ["run: cargo test\n"]],
  ["java", ["pom.xml", "mvnw"], ["sh ./mvnw --batch-mode verify"]],
  ["java", ["pom.xml"], ["mvn --batch-mode verify"]],
  ["java", ["build.gradle", "gradlew"], ["sh ./gradlew build"]],
  ["ruby", ["Gemfile", "spec"], ["bundle exec rspec"]],
  ["php", ["composer.json", "phpunit.xml.dist"], ["vendor/bin/phpunit"]],
  ["dotnet", ["app.sln"], ["dotnet test --no-build"]],
  ["elixir", ["mix.exs"], ["mix test"]],
  ["swift", ["Package.swift"], ["swift test"]],
  ["cpp", ["CMakeLists.txt"], ["ctest --test-dir build"]],
  ["cpp", ["meson.build"], ["meson test -C build"]],
  ["cpp", ["configure.ac"], ["autoreconf --install", "make check"]],
  ["make", ["Makefile"], ["run: make\n", "make check"], { Makefile: "all:\n\ttrue\ncheck: all\n" }],
  ["make", ["Makefile"], ["make test"]],
];

describe("the conventional workflow", () => {
  const cases = ROOTS.map(([language, names, lines, texts = {}]) => ({ language, names, lines, texts }));
  it.each(cases)("of $language with $names installs and tests as usual", ({ language, names, lines, texts }) => {
    const made = conventionalWorkflow({ names, texts });
    expect(made?.language).toBe(language);
    for (const line of lines) expect(made?.text).toContain(line);
    const { definition, diagnostics } = parseWorkflow({ path: "ci.yml", text: made?.text ?? "" });
    expect(diagnostics).toEqual([]);
    expect(definition?.jobs[0]?.runsOn).toEqual(language === "make" ? ["linux"] : ["linux", language]);
  });

  test("leaves out a Makefile's tests where its text has none", () => {
    expect(conventionalWorkflow({ names: ["Makefile"], texts: { Makefile: "all:\n\ttrue\n" } })?.text).not.toContain(
      "Test",
    );
  });

  test("does not install a pyproject.toml that only holds settings of tools", () => {
    const made = conventionalWorkflow({ names: ["pyproject.toml"], texts: { "pyproject.toml": "[tool.ruff]\n" } });
    expect(made?.text).not.toContain("pip install .");
  });

  test("exists for every language, and for nothing else", () => {
    expect(new Set(ROOTS.map(([language]) => language))).toEqual(new Set(LANGUAGES));
    expect(conventionalWorkflow({ names: ["README.md"] })).toBeUndefined();
    expect(conventionalWorkflow({ names: ["README.md"], language: "rust" })?.text).toContain("cargo test");
  });
});

import type { Language } from "./detect-language.ts";

/** One step of the conventional workflow, as it is written into the file. */
export interface ConventionalStep {
  readonly name: string;
  readonly uses?: string;
  readonly with?: readonly (readonly [name: string, value: string])[];
  readonly run?: readonly string[];
}

/** What the recipes look at: names in the root, and the text of a few of those files where it is known. */
export interface ProjectFiles {
  readonly has: (...names: readonly string[]) => boolean;
  /** Empty where the text is not known. */
  readonly text: (name: string) => string;
}

type Recipe = (files: ProjectFiles) => readonly ConventionalStep[];

/** The usual way to set up, install and test a project of each language. */
export const CONVENTIONAL_STEPS: Readonly<Record<Language, Recipe>> = {
  node: (files) => {
    const file = [".nvmrc", ".node-version", ".tool-versions"].find((name) => files.has(name));
    return [
      {
        name: "Set up Node.js",
        uses: "actions/setup-node@v4",
        ...(file !== undefined && { with: [["node-version-file", file]] }),
      },
      ...nodeSteps(files),
    ];
  },
  bun: () => [run("Install", "bun install --frozen-lockfile"), run("Test", "bun test")],
  deno: (files) => [
    ...(files.has("deno.lock") ? [run("Install", "deno install --frozen")] : []),
    run("Test", "deno test --allow-all"),
  ],
  python: (files) => [
    { name: "Set up Python", uses: "actions/setup-python@v5" },
    run(
      "Make a virtual environment",
      'python3 -m venv "$RUNNER_TEMP/venv"',
      'echo "$RUNNER_TEMP/venv/bin" >> "$GITHUB_PATH"',
    ),
    ...pythonSteps(files),
  ],
  go: () => [
    // what go.mod asks for, the tool fetches by itself
    { name: "Set up Go", uses: "actions/setup-go@v5" },
    run("Build", "go build ./..."),
    run("Test", "go test ./..."),
  ],
  rust: (files) => {
    const locked = files.has("Cargo.lock") ? " --locked" : "";
    return [run("Build", `cargo build${locked} --all-targets`), run("Test", `cargo test${locked}`)];
  },
  java: (files) => {
    // setup-java must be told a version, and the one the agent has is good enough
    if (files.has("pom.xml")) {
      return [run("Build and test", `${files.has("mvnw") ? "sh ./mvnw" : "mvn"} --batch-mode verify`)];
    }
    return [run("Build and test", `${files.has("gradlew") ? "sh ./gradlew" : "gradle"} build`)];
  },
  ruby: (files) => [
    run("Install", "bundle config set --local path vendor/bundle", "bundle install"),
    run("Test", files.has(".rspec", "spec") ? "bundle exec rspec" : "bundle exec rake test"),
  ],
  php: (files) => [
    run("Install", "composer install --no-interaction --prefer-dist"),
    run("Test", files.has("phpunit.xml", "phpunit.xml.dist") ? "vendor/bin/phpunit" : "composer run-script test"),
  ],
  dotnet: () => [
    run("Install", "dotnet restore"),
    run("Build", "dotnet build --no-restore"),
    run("Test", "dotnet test --no-build"),
  ],
  elixir: () => [
    run("Install", "mix local.hex --force", "mix local.rebar --force", "mix deps.get"),
    run("Test", "mix test"),
  ],
  swift: () => [run("Build", "swift build"), run("Test", "swift test")],
  cpp: (files) => {
    if (files.has("CMakeLists.txt")) {
      return [
        run("Build", "cmake -S . -B build", "cmake --build build --parallel"),
        run("Test", "ctest --test-dir build --output-on-failure"),
      ];
    }
    if (files.has("meson.build")) {
      return [run("Build", "meson setup build", "meson compile -C build"), run("Test", "meson test -C build")];
    }
    const configure = files.has("configure") ? ["sh ./configure"] : ["autoreconf --install", "sh ./configure"];
    return [run("Build", ...configure, "make"), run("Test", "make check")];
  },
  make: (files) => {
    const makefile = ["GNUmakefile", "makefile", "Makefile"].map((name) => files.text(name)).join("\n");
    const target = ["test", "check"].find((name) => new RegExp(`^${name}\\s*:`, "m").test(makefile));
    const isKnown = makefile.trim() !== "";
    return [
      run("Build", "make"),
      ...(target === undefined && isKnown ? [] : [run("Test", `make ${target ?? "test"}`)]),
    ];
  },
};

function nodeSteps(files: ProjectFiles): ConventionalStep[] {
  if (files.has("pnpm-lock.yaml")) {
    return [
      run("Install", "npx --yes pnpm install --frozen-lockfile"),
      run("Build", "npx --yes pnpm run --if-present build"),
      run("Test", "npx --yes pnpm run --if-present test"),
    ];
  }
  if (files.has("yarn.lock") && files.has(".yarnrc.yml")) {
    return [
      run("Install", "npx --yes corepack yarn install --immutable"),
      run("Test", "npx --yes corepack yarn run test"),
    ];
  }
  if (files.has("yarn.lock")) {
    return [
      run("Install", "npx --yes yarn@1 install --frozen-lockfile"),
      run("Build", "npm run build --if-present"),
      run("Test", "npm test --if-present"),
    ];
  }
  const hasLock = files.has("package-lock.json", "npm-shrinkwrap.json");
  return [
    run("Install", hasLock ? "npm ci" : "npm install"),
    run("Build", "npm run build --if-present"),
    run("Test", "npm test --if-present"),
  ];
}

const REQUIREMENTS = ["requirements.txt", "requirements-dev.txt", "requirements-test.txt", "dev-requirements.txt"];
const PYTEST_SIGNS = ["pytest.ini", "conftest.py"];
const PYTEST_WORDS = [...REQUIREMENTS, "pyproject.toml", "setup.cfg", "tox.ini", "setup.py", "Pipfile"];

function pythonSteps(files: ProjectFiles): ConventionalStep[] {
  const usesPytest = files.has(...PYTEST_SIGNS) || PYTEST_WORDS.some((name) => /\bpytest\b/.test(files.text(name)));
  const project = files.text("pyproject.toml");
  // a pyproject.toml may hold nothing but the settings of tools
  const isPackage =
    files.has("setup.py") ||
    (files.has("pyproject.toml") && (project === "" || /^\[(project|build-system)\]/m.test(project)));
  const extra = ["test", "tests", "dev"].find((name) =>
    new RegExp(`^${name}\\s*=\\s*\\[`, "m").test(optional(project)),
  );
  const folder = ["tests", "test"].find((name) => files.has(name));
  return [
    run(
      "Install",
      ...REQUIREMENTS.filter((name) => files.has(name)).map((name) => `python -m pip install -r ${name}`),
      ...(files.has("Pipfile") ? ["python -m pip install pipenv", "pipenv install --dev --system"] : []),
      ...(isPackage ? [`python -m pip install ${extra === undefined ? "." : `'.[${extra}]'`}`] : []),
      ...(usesPytest ? ["python -m pip install pytest"] : []),
    ),
    run(
      "Test",
      usesPytest
        ? "python -m pytest"
        : `python -m unittest discover${folder === undefined ? "" : ` -s ${folder} -t .`}`,
    ),
  ].filter((step) => step.run?.length !== 0);
}

/** The table of extras in a pyproject.toml. */
function optional(project: string): string {
  return /^\[project\.optional-dependencies\]\n([\s\S]*?)(?=^\[|$(?![\s\S]))/m.exec(project)?.[1] ?? "";
}

function run(name: string, ...lines: string[]): ConventionalStep {
  return { name, run: lines };
}

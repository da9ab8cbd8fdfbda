/** Languages the farm knows by their project files. An agent that has one says so by a label of the same name. */
export const LANGUAGES = [
  "node",
  "bun",
  "deno",
  "python",
  "go",
  "rust",
  "java",
  "ruby",
  "php",
  "dotnet",
  "elixir",
  "swift",
  "cpp",
  "make",
] as const;
export type Language = (typeof LANGUAGES)[number];

/** Files that say what a repository is written in; the first row that has one of its files in the root wins. */
const SIGNS: readonly (readonly [language: Language, files: RegExp])[] = [
  ["go", /^go\.mod$/],
  ["rust", /^Cargo\.toml$/],
  ["python", /^(pyproject\.toml|setup\.py|requirements\.txt|tox\.ini|Pipfile)$/],
  ["java", /^(pom\.xml|(build|settings)\.gradle(\.kts)?)$/],
  ["ruby", /^(Gemfile|.+\.gemspec)$/],
  ["php", /^composer\.json$/],
  ["dotnet", /^.+\.(slnx?|csproj|fsproj)$/],
  ["elixir", /^mix\.exs$/],
  ["swift", /^Package\.swift$/],
  ["deno", /^deno\.jsonc?$/],
  ["bun", /^bun\.lockb?$/],
  // last of those with a package manager: many others carry one for their tools
  ["node", /^package\.json$/],
  ["cpp", /^(CMakeLists\.txt|meson\.build|configure(\.ac)?)$/],
  // many projects of any language have one
  ["make", /^(GNUm|M|m)akefile$/],
];

/** What a repository is written in, by the names in its root; undefined when none shows. */
export function detectLanguage(rootNames: readonly string[]): Language | undefined {
  return SIGNS.find(([, files]) => rootNames.some((name) => files.test(name)))?.[0];
}

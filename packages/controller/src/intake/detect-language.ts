/** Files that say what a repository is written in; the first row that has one of its files in the root wins. */
const SIGNS: readonly (readonly [language: string, files: RegExp])[] = [
  ["go", /^go\.mod$/],
  ["rust", /^Cargo\.toml$/],
  ["python", /^(pyproject\.toml|setup\.py|requirements\.txt|tox\.ini|Pipfile)$/],
  ["java", /^(pom\.xml|build\.gradle(\.kts)?)$/],
  ["ruby", /^(Gemfile|.+\.gemspec)$/],
  ["php", /^composer\.json$/],
  ["dotnet", /^.+\.(sln|csproj|fsproj)$/],
  // last of those with a package manager: many others carry one for their tools
  ["node", /^package\.json$/],
  ["cpp", /^(CMakeLists\.txt|meson\.build|configure\.ac)$/],
];

/** The language whose pool is preferred for the repository's jobs, by the names in its root; undefined when none shows. */
export function detectLanguage(rootNames: readonly string[]): string | undefined {
  return SIGNS.find(([, files]) => rootNames.some((name) => files.test(name)))?.[0];
}

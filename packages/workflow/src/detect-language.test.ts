import { expect, it } from "vitest";
import { detectLanguage } from "./detect-language.ts";

it.each([
  [["README", "package.json"], "node"],
  [["package.json", "bun.lock"], "bun"],
  [["deno.json", "package.json"], "deno"],
  [["package.json", "pyproject.toml"], "python"],
  [["requirements.txt"], "python"],
  [["go.mod", "Makefile"], "go"],
  [["Cargo.toml"], "rust"],
  [["build.gradle.kts", "gradlew"], "java"],
  [["pom.xml"], "java"],
  [["Gemfile", "package.json"], "ruby"],
  [["composer.json"], "php"],
  [["app.csproj"], "dotnet"],
  [["App.slnx"], "dotnet"],
  [["mix.exs"], "elixir"],
  [["Package.swift"], "swift"],
  [["CMakeLists.txt", "package.json"], "node"],
  [["CMakeLists.txt", "Makefile"], "cpp"],
  [["README", "Makefile"], "make"],
  [["README", "go.mod.bak"], undefined],
  [[], undefined],
])("%j is %s", (names, language) => expect(detectLanguage(names)).toBe(language));

import { expect, it } from "vitest";
import { detectLanguage } from "./detect-language.ts";

it.each([
  [["README", "package.json"], "node"],
  [["package.json", "pyproject.toml"], "python"],
  [["go.mod", "Makefile"], "go"],
  [["Cargo.toml"], "rust"],
  [["app.csproj"], "dotnet"],
  [["CMakeLists.txt", "package.json"], "node"],
  [["README", "go.mod.bak"], undefined],
  [[], undefined],
])("%j is %s", (names, language) => expect(detectLanguage(names)).toBe(language));

import { cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runClient, SourceError } from "../real-workflows/run-client.ts";

/** One language: a repository written in it, and what a machine needs beside the language to build it. */
export interface LanguageCase {
  /** Also the pool, and the tool that the agents of it must have. */
  readonly language: "node" | "python" | "go" | "rust" | "java";
  /** What the repository is and where it comes from. */
  readonly source: string;
  /** Fetches the sources into an empty folder. Throws `SourceError` when the registry cannot be had. */
  readonly fetch: (dir: string, scratch: string) => Promise<void>;
  /** A program that the usual workflow of the language runs and that is no part of the language. */
  readonly needs?: readonly string[];
  /** Stands in the log of a step when the dependency came and the tests ran. */
  readonly shows: RegExp;
}

/** None of them has a workflow file; each has a dependency that its registry has to give. */
export const LANGUAGE_CASES: readonly LanguageCase[] = [
  {
    language: "node",
    source: "deep-equal 1.0.1 of npm, tested with tape",
    fetch: async (dir, scratch) => {
      await runClient("npm", ["pack", "--silent", "deep-equal@1.0.1"], { cwd: scratch });
      await unpack(scratch, dir);
    },
    shows: /^# pass/m,
  },
  {
    language: "python",
    source: "jsonpatch 1.33 of PyPI, which needs jsonpointer",
    fetch: async (dir, scratch) => {
      const what = ["--no-deps", "--no-binary", "jsonpatch", "jsonpatch==1.33"];
      await runClient("python3", ["-m", "pip", "download", "-q", ...what], { cwd: scratch });
      await unpack(scratch, dir);
    },
    shows: /^Ran \d{2,} tests/m,
  },
  {
    language: "go",
    source: "gorilla/securecookie 1.1.2 of the Go proxy, tested with gofuzz",
    fetch: async (dir, scratch) => {
      const env = { GOMODCACHE: join(scratch, "modules"), GOFLAGS: "-modcacherw" };
      const module = "github.com/gorilla/securecookie@v1.1.2";
      const answer = await runClient("go", ["mod", "download", "-json", module], { cwd: scratch, env });
      const { Dir: found }: { Dir?: string } = JSON.parse(answer);
      if (found === undefined) throw new SourceError("go mod download names no folder");
      cpSync(found, dir, { recursive: true });
    },
    shows: /^ok\s+github.com\/gorilla\/securecookie/m,
  },
  {
    language: "rust",
    source: "form_urlencoded 1.2.1 of crates.io, which needs percent-encoding",
    fetch: async (dir, scratch) => {
      const env = { CARGO_HOME: join(scratch, "cargo") };
      write(join(scratch, "Cargo.toml"), '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n');
      write(join(scratch, "src/lib.rs"), "");
      await runClient("cargo", ["add", "--quiet", "form_urlencoded@=1.2.1"], { cwd: scratch, env });
      await runClient("cargo", ["fetch", "--quiet"], { cwd: scratch, env });
      const sources = join(scratch, "cargo/registry/src");
      const [index = ""] = readdirSync(sources);
      cpSync(join(sources, index, "form_urlencoded-1.2.1"), dir, { recursive: true });
    },
    shows: /Doc-tests form_urlencoded/,
  },
  {
    language: "java",
    // Maven Central keeps sources in a form that does not build
    source: "a small project with commons-lang3 and JUnit of Maven Central",
    fetch: async (dir) => {
      for (const [name, text] of Object.entries(JAVA_FILES)) write(join(dir, name), text);
    },
    needs: ["mvn", "--version"],
    shows: /Tests run: 1, Failures: 0/,
  },
];

async function unpack(scratch: string, dir: string): Promise<void> {
  const archive = readdirSync(scratch).find((name) => /\.(tgz|tar\.gz)$/.test(name));
  if (archive === undefined) throw new SourceError("the registry's client left no archive");
  await runClient("tar", ["-xf", join(scratch, archive), "--strip-components=1", "-C", dir]);
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const dependency = (group: string, artifact: string, version: string, scope: string) =>
  `    <dependency>
      <groupId>${group}</groupId>
      <artifactId>${artifact}</artifactId>
      <version>${version}</version>
      <scope>${scope}</scope>
    </dependency>`;

const JAVA_FILES: Readonly<Record<string, string>> = {
  "pom.xml": `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId>
  <artifactId>words</artifactId>
  <version>1.0</version>
  <properties>
    <maven.compiler.source>11</maven.compiler.source>
    <maven.compiler.target>11</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
${dependency("org.apache.commons", "commons-lang3", "3.17.0", "compile")}
${dependency("junit", "junit", "4.13.2", "test")}
  </dependencies>
</project>
`,
  "src/main/java/org/example/Words.java": `package org.example;

import org.apache.commons.lang3.StringUtils;

public final class Words {
  private Words() {}

  public static String title(String text) {
    return StringUtils.capitalize(StringUtils.normalizeSpace(text));
  }
}
`,
  "src/test/java/org/example/WordsTest.java": `package org.example;

import static org.junit.Assert.assertEquals;

import org.junit.Test;

public class WordsTest {
  @Test
  public void titlesAreTidy() {
    assertEquals("A row of hay", Words.title("  a row   of hay "));
  }
}
`,
};

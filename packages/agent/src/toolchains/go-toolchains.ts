import { execFile } from "node:child_process";
import { readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Versioned } from "./choose-version.ts";
import { makeOpenFolder, TOOL_ARCH, type ToolCache } from "./tool-cache.ts";

/** A `go` of the machine that fetches others: it asks the module proxy and checks what it gets against the checksum database. */
export interface GoFetcher {
  readonly program: string;
  readonly env: { readonly [name: string]: string };
  readonly signal: AbortSignal;
}

/** The machine's go cannot reach the module proxy, or it is too old to fetch others (before 1.21). */
export class GoFetchError extends Error {
  readonly code = "go_fetch";

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = "GoFetchError";
  }
}

const MODULE = "golang.org/toolchain";
const GO_ARCH: string = TOOL_ARCH === "x64" ? "amd64" : TOOL_ARCH;
const LIST_MS_MAX = 30_000;
const FETCH_MS_MAX = 300_000;
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
const WORDS_MAX = 300;

/** Released versions of Go that the module proxy has for this machine. Throws `GoFetchError`. */
export async function listGoVersions(fetcher: GoFetcher, cache: ToolCache): Promise<Versioned[]> {
  const printed = await cache.withScratch((dir) =>
    runGo(fetcher, { args: ["list", "-m", "-versions", MODULE], dir, toolchain: "local", msMax: LIST_MS_MAX }),
  );
  const released = new RegExp(`^v0\\.0\\.1-go(\\d+\\.\\d+(?:\\.\\d+)?)\\.linux-${GO_ARCH}$`);
  return printed.split(/\s+/).flatMap((word) => {
    const version = released.exec(word)?.[1];
    return version === undefined ? [] : [{ version }];
  });
}

/** Puts a version of Go into the tool cache and answers its folder. Throws `GoFetchError`. */
export function installGo(fetcher: GoFetcher, cache: ToolCache, version: string): Promise<string> {
  return cache.add("go", version, async (dir) => {
    const scratch = join(dir, ".scratch");
    makeOpenFolder(scratch);
    await runGo(fetcher, { args: ["version"], dir: scratch, toolchain: `go${version}`, msMax: FETCH_MS_MAX });
    const fetched = join(scratch, "pkg/mod/golang.org", `toolchain@v0.0.1-go${version}.linux-${GO_ARCH}`);
    for (const name of readdirSync(fetched)) renameSync(join(fetched, name), join(dir, name));
    rmSync(scratch, { recursive: true, force: true });
  });
}

interface GoCall {
  readonly args: readonly string[];
  /** Everything that go keeps goes here. */
  readonly dir: string;
  readonly toolchain: string;
  readonly msMax: number;
}

function runGo({ program, env, signal }: GoFetcher, { args, dir, toolchain, msMax }: GoCall): Promise<string> {
  const own = {
    HOME: dir,
    GOPATH: dir,
    GOMODCACHE: join(dir, "pkg/mod"),
    GOCACHE: join(dir, "cache"),
    GOENV: "off",
    GOWORK: "off",
    GO111MODULE: "on",
    // folders that can be moved and removed by whoever made them
    GOFLAGS: "-modcacherw",
    GOTOOLCHAIN: toolchain,
  };
  const options = { cwd: dir, env: { ...env, ...own }, timeout: msMax, maxBuffer: OUTPUT_BYTES_MAX, signal };
  return new Promise((resolve, reject) => {
    execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      if (signal.aborted) return reject(signal.reason);
      const said = stderr.replace(/\s+/g, " ").trim().slice(0, WORDS_MAX);
      reject(
        new GoFetchError(`the go of this agent could not fetch another one: ${said || error.message}`, {
          cause: error,
        }),
      );
    });
  });
}

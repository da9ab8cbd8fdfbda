import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { BuiltInAnswer, BuiltInRequest } from "../src/actions/action-port.ts";
import { prepareBuiltIn } from "../src/toolchains/built-ins.ts";
import type { NpmRegistry } from "../src/toolchains/npm-registry.ts";
import { createToolCache, prepareToolCache, TOOL_ARCH } from "../src/toolchains/tool-cache.ts";

/** A workspace, a tool cache and a machine of the test's own making, for the built-in setup actions. */
export class SetupKit {
  readonly dir = mkdtempSync(join(tmpdir(), "windrow-setup-"));
  readonly workspaceDir = join(this.dir, "attempt/job/workspace");
  readonly toolsDir = join(this.dir, "tools");
  readonly binDir = join(this.dir, "bin");
  readonly #cache = createToolCache({ dir: this.toolsDir, nowMs: () => Date.now() });
  /** 2026-06-01. */
  nowMs = Date.UTC(2026, 5, 1);

  constructor() {
    for (const dir of [this.workspaceDir, this.binDir]) mkdirSync(dir, { recursive: true });
    prepareToolCache(this.toolsDir);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** A file in the workspace. */
  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.workspaceDir, path)), { recursive: true });
    writeFileSync(join(this.workspaceDir, path), text);
  }

  /** A program on the machine's PATH that prints this, whatever it is asked. */
  program(name: string, prints: string): void {
    writeFileSync(join(this.binDir, name), `#!/bin/sh\necho '${prints}'\n`, { mode: 0o755 });
  }

  /** A tool in the cache. */
  cached(tool: string, version: string): void {
    const dir = join(this.toolsDir, tool, version, TOOL_ARCH);
    mkdirSync(join(dir, "bin"), { recursive: true });
    writeFileSync(`${dir}.complete`, "");
  }

  setUp(
    action: string,
    inputs: Readonly<Record<string, string>>,
    registry: NpmRegistry = noRegistry,
    env: { readonly [name: string]: string } = { PATH: this.binDir },
  ): Promise<BuiltInAnswer> {
    const request: BuiltInRequest = {
      repository: `actions/${action}`,
      ref: "v4",
      inputs: new Map(Object.entries(inputs)),
      env: {},
      workspaceDir: this.workspaceDir,
      homeDir: join(this.dir, "home"),
      tempDir: join(this.dir, "tmp"),
      toolCacheDir: join(this.dir, "home/.tool-cache"),
      signal: new AbortController().signal,
    };
    const cache = this.#cache;
    return prepareBuiltIn(request, { cache, registry, nowMs: () => this.nowMs }, { env });
  }
}

/** A registry that must not be asked. */
const noRegistry: NpmRegistry = {
  url: "none",
  list: () => Promise.reject(new Error("the registry was asked")),
  unpack: () => Promise.reject(new Error("the registry was asked")),
};

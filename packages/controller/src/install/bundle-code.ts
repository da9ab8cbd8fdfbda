import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

/** One file of a bundle. */
export interface BundleFile {
  /** Within the bundle, with slashes. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
}

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const AGENT = join(ROOT, "packages", "agent");
/** Files and programs that a module opens beside itself. */
const BESIDE = /new URL\(\s*"(\.{1,2}\/[^"]+)",\s*import\.meta\.url,?\s*\)/g;
/** Libraries in CommonJS ask for Node's own modules by `require`. */
const BANNER =
  'import { createRequire as createRequireOfBundle } from "node:module"; const require = createRequireOfBundle(import.meta.url);';
const MODULES_MAX = 16;

/**
 * The agent as few files: `agent.mjs` with everything it imports, one such file for each program it starts, and the scripts
 * and specifications it reads. Reads the sources that this controller runs from; throws when there are none.
 */
export async function bundleAgentCode(): Promise<BundleFile[]> {
  const files = new Map<string, BundleFile>();
  const modules = [{ entry: join(AGENT, "src", "main.ts"), path: "agent.mjs" }];
  for (const { entry, path } of modules) {
    if (modules.length > MODULES_MAX) throw new Error(`the agent starts more than ${MODULES_MAX} programs`);
    const found: string[] = [];
    const bytes = await bundleModule(entry, found);
    files.set(path, { path, bytes, mode: 0o644 });
    for (const source of found) {
      const module = { entry: source, path: nameOf(source) };
      if (!source.endsWith(".ts")) for (const file of await readTree(source)) files.set(file.path, file);
      else if (!modules.some((known) => known.entry === source)) modules.push(module);
    }
  }
  const launcher = await readFile(join(AGENT, "bin", "windrow-agent"));
  files.set("windrow-agent", { path: "windrow-agent", bytes: launcher, mode: 0o755 });
  return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The same for the same code on every machine. */
export function digestOf(files: readonly BundleFile[]): string {
  const hash = createHash("sha256");
  for (const { path, bytes } of files) hash.update(`${path} ${bytes.length}\n`).update(bytes);
  return hash.digest("hex");
}

/** One module with all it imports; `found` gets what it opens beside itself, by its place. */
async function bundleModule(entry: string, found: string[]): Promise<Uint8Array> {
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    platform: "node",
    target: "node24",
    format: "esm",
    legalComments: "none",
    logLevel: "silent",
    banner: { js: BANNER },
    plugins: [filesBeside(found), withoutSsh],
  });
  const [output] = result.outputFiles;
  if (output === undefined) throw new Error(`esbuild made nothing of ${entry}`);
  return output.contents;
}

/** What a module opens by a name relative to itself lies beside the bundle instead. */
function filesBeside(found: string[]): Plugin {
  return {
    name: "files beside",
    setup(context) {
      context.onLoad({ filter: /\/packages\/[a-z]+\/src\/.*\.ts$/ }, async ({ path }) => {
        const text = await readFile(path, "utf8");
        const contents = text.replace(BESIDE, (_all, name: string) => {
          const source = join(dirname(path), name);
          if (!found.includes(source)) found.push(source);
          return `new URL("./${nameOf(source)}", import.meta.url)`;
        });
        return { contents, loader: "ts" };
      });
    },
  };
}

/** The engine's client could speak SSH, by a library with programs of its own; an agent asks the engine of its own machine. */
const withoutSsh: Plugin = {
  name: "without ssh",
  setup(context) {
    context.onResolve({ filter: /^ssh2$/ }, ({ path }) => ({ path, namespace: "left-out" }));
    context.onLoad({ filter: /.*/, namespace: "left-out" }, () => ({ contents: "module.exports = {};", loader: "js" }));
  },
};

const nameOf = (source: string): string => basename(source).replace(/\.ts$/, ".mjs");

async function readTree(source: string): Promise<BundleFile[]> {
  const entries = await readdir(source, { withFileTypes: true, recursive: true }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return undefined;
    throw error;
  });
  const places = entries?.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = async (place: string): Promise<BundleFile> => ({
    path: join(nameOf(source), relative(source, place)),
    bytes: await readFile(place),
    mode: place.endsWith(".sh") ? 0o755 : 0o644,
  });
  return Promise.all((places ?? [source]).map(read));
}

import { dirname, join } from "node:path";
import type { BuiltInAnswer, BuiltInRequest } from "../actions/action-port.ts";
import { chooseVersion, isRange, type Versioned, versionsOf } from "./choose-version.ts";
import { installNode, listNodeVersions } from "./install-node.ts";
import { findTool, type ToolRunner } from "./machine-tools.ts";
import { readNodeWish } from "./node-releases.ts";
import { readNodeVersionFile } from "./node-version-file.ts";
import { type PackageVersion, RegistryError } from "./npm-registry.ts";
import { npmrcOf } from "./npmrc.ts";
import { cannotBeHad, inputOf, noticesOf, type SetupTool, type ToolSources, VERSIONS_SHOWN_MAX } from "./setup-tool.ts";
import { TOOL_ARCH } from "./tool-cache.ts";

interface NodeHere extends Versioned {
  readonly bin: string;
}

/** `actions/setup-node`: a Node that the agent has, else one from the npm registry. */
export const setupNode: SetupTool = async (request, sources, runner) => {
  const architecture = inputOf(request, "architecture");
  if (architecture !== "" && architecture !== TOOL_ARCH) {
    return { kind: "refused", why: `this agent is ${TOOL_ARCH} and cannot set up Node for ${architecture}` };
  }
  const wanted = readWanted(request);
  if (wanted.kind === "refused") return wanted;
  const here = await listHere(sources, runner);
  const say = [...noticesOf(request), ...wanted.say];
  const chosen = await choose({ wanted: wanted.version, here, request, sources, say });
  if ("kind" in chosen) return chosen;
  sources.cache.noteUse(chosen.bin);
  say.push(`Node ${chosen.version} at ${chosen.bin}`);
  const outputs = { "node-version": `v${chosen.version}`, "cache-hit": "" };
  return npmrcOf(request, { outputs, paths: [chosen.bin], say });
};

type Wanted =
  | { readonly kind: "wanted"; readonly version: string; readonly say: readonly string[] }
  | (BuiltInAnswer & { readonly kind: "refused" });

function readWanted(request: BuiltInRequest): Wanted {
  const version = inputOf(request, "node-version");
  const file = inputOf(request, "node-version-file");
  if (version !== "") {
    const say = file === "" ? [] : ["Warning: both node-version and node-version-file are given; node-version counts"];
    return { kind: "wanted", version, say };
  }
  if (file === "") return { kind: "wanted", version: "", say: [] };
  const read = readNodeVersionFile(request.workspaceDir, file);
  if (read === undefined)
    return { kind: "refused", why: `'${file}' is not a file in the workspace that names a version of Node` };
  return { kind: "wanted", version: read, say: [`'${file}' asks for Node ${read}`] };
}

async function listHere({ cache }: ToolSources, runner: ToolRunner): Promise<NodeHere[]> {
  const own = await findTool("node", ["--version"], /^v(\d\S*)/, runner);
  const cached = cache.list("node").map(({ version, dir }) => ({ version, bin: join(dir, "bin") }));
  return [...(own === undefined ? [] : [{ version: own.version, bin: dirname(own.program) }]), ...cached];
}

interface Choice {
  readonly wanted: string;
  readonly here: readonly NodeHere[];
  readonly request: BuiltInRequest;
  readonly sources: ToolSources;
  readonly say: string[];
}

async function choose({ wanted, here, request, sources, say }: Choice): Promise<NodeHere | BuiltInAnswer> {
  const { registry, cache, nowMs } = sources;
  const { signal } = request;
  const has = versionsOf(here);
  const [machine] = here;
  if (wanted === "") {
    return machine ?? { kind: "refused", why: "node-version is not given and this agent has no Node of its own" };
  }
  const wish = readNodeWish(wanted, nowMs());
  if (wish.kind === "unknown") return { kind: "refused", why: wish.why };
  const range = wish.kind === "latest" ? "*" : wish.range;
  if (!isRange(range)) return { kind: "refused", why: `node-version '${wanted}' is not a version` };
  const found = wish.kind === "latest" ? undefined : chooseVersion(here, range);
  if (found !== undefined) return found;
  let offered: PackageVersion[];
  try {
    offered = await listNodeVersions(registry, signal);
    const version = chooseVersion(offered, range);
    if (version === undefined)
      return cannotBeHad({ tool: "Node", wanted, has, elsewhere: newestOf(offered, registry.url) });
    const known = here.find((one) => one.version === version.version);
    if (known !== undefined) return known;
    const dir = await installNode({ registry, cache, version, signal, say: (line) => say.push(line) });
    return { version: version.version, bin: join(dir, "bin") };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const newest = wish.kind === "latest" ? chooseVersion(here, "*") : undefined;
    if (newest === undefined) return cannotBeHad({ tool: "Node", wanted, has, elsewhere: error.message });
    say.push(`Warning: ${error.message}; the newest Node of this agent is taken`);
    return newest;
  }
}

/** The newest of each line. */
function newestOf(offered: readonly PackageVersion[], url: string): string {
  const lines = new Map<string, string>();
  for (const version of versionsOf(offered)) {
    const [major = ""] = version.split(".");
    if (!lines.has(major)) lines.set(major, version);
  }
  return `the registry ${url} has ${[...lines.values()].slice(0, VERSIONS_SHOWN_MAX).join(", ")} and others`;
}

import { dirname, join } from "node:path";
import type { BuiltInAnswer, BuiltInRequest } from "../actions/action-port.ts";
import { chooseVersion, isRange, type Versioned, versionsOf } from "./choose-version.ts";
import { GoFetchError, installGo, listGoVersions } from "./go-toolchains.ts";
import { findTool, type ToolRunner } from "./machine-tools.ts";
import { readWorkspaceFile } from "./read-workspace-file.ts";
import { cannotBeHad, inputOf, noticesOf, type SetupTool, type ToolSources, VERSIONS_SHOWN_MAX } from "./setup-tool.ts";
import { TOOL_ARCH } from "./tool-cache.ts";
import { toolVersionOf } from "./tool-versions-file.ts";

interface GoHere extends Versioned {
  readonly bin: string;
}

/** `actions/setup-go`: a Go that the agent has, else one that the agent's own go fetches from the module proxy. */
export const setupGo: SetupTool = async (request, sources, runner) => {
  const architecture = inputOf(request, "architecture");
  if (architecture !== "" && architecture !== TOOL_ARCH) {
    return { kind: "refused", why: `this agent is ${TOOL_ARCH} and cannot set up Go for ${architecture}` };
  }
  const say = noticesOf(request);
  const here = await listHere(sources, runner);
  const has = versionsOf(here);
  const wanted = readWanted(request, say);
  if (typeof wanted !== "string") return wanted;
  const range = rangeOf(wanted, has);
  if (!isRange(range)) return { kind: "refused", why: `go-version '${wanted}' is not a version` };
  const chosen = chooseVersion(here, range) ?? (await fetchGo({ wanted, range, here, request, sources, runner, say }));
  if ("kind" in chosen) return chosen;
  sources.cache.noteUse(chosen.bin);
  say.push(`Go ${chosen.version} at ${chosen.bin}`);
  return {
    kind: "done",
    outputs: { "go-version": chosen.version, "cache-hit": "" },
    env: [],
    paths: [join(request.homeDir, "go/bin"), chosen.bin],
    say,
  };
};

interface GoWanted {
  readonly wanted: string;
  readonly range: string;
  readonly here: readonly GoHere[];
  readonly request: BuiltInRequest;
  readonly sources: ToolSources;
  readonly runner: ToolRunner;
  readonly say: string[];
}

async function fetchGo({
  wanted,
  range,
  here,
  request,
  sources,
  runner,
  say,
}: GoWanted): Promise<GoHere | BuiltInAnswer> {
  const refuse = (elsewhere: string) =>
    cannotBeHad({ tool: "Go", wanted: wanted === "" ? "(any version)" : wanted, has: versionsOf(here), elsewhere });
  const [machine] = here;
  if (machine === undefined) return refuse("install one on the agent, and it fetches others");
  const fetcher = { program: join(machine.bin, "go"), env: runner.env, signal: request.signal };
  try {
    const offered = await listGoVersions(fetcher, sources.cache);
    const version = chooseVersion(offered, range)?.version;
    if (version === undefined) {
      if (offered.length === 0) return refuse("the Go module proxy has none for this machine");
      return refuse(
        `the Go module proxy has ${versionsOf(offered).slice(0, VERSIONS_SHOWN_MAX).join(", ")} and others`,
      );
    }
    const dir = await installGo(fetcher, sources.cache, version);
    say.push(`Fetched Go ${version} from the Go module proxy`);
    return { version, bin: join(dir, "bin") };
  } catch (error) {
    if (error instanceof GoFetchError) return refuse(error.message);
    throw error;
  }
}

/** `stable` and `oldstable` are meant of what this agent has: nothing else can be had. */
function rangeOf(wanted: string, has: readonly string[]): string {
  if (wanted === "" || wanted === "stable") return "*";
  const lines = [...new Set(has.map((version) => version.split(".").slice(0, 2).join(".")))];
  if (wanted === "oldstable") return lines[1] ?? "<0";
  return wanted.replace(/^go(?=\d)/, "");
}

function readWanted(request: BuiltInRequest, say: string[]): string | (BuiltInAnswer & { readonly kind: "refused" }) {
  const version = inputOf(request, "go-version");
  const file = inputOf(request, "go-version-file");
  if (version !== "" || file === "") return version;
  const text = readWorkspaceFile(request.workspaceDir, file);
  const read = text === undefined ? undefined : readVersion(file, text);
  if (read === undefined) {
    return { kind: "refused", why: `'${file}' is not a file in the workspace that names a version of Go` };
  }
  say.push(`'${file}' asks for Go ${read}`);
  return read;
}

function readVersion(path: string, text: string): string | undefined {
  if (/go\.(?:mod|work)$/.test(path)) {
    const toolchain = /^toolchain\s+go(\S+)/m.exec(text)?.[1];
    return toolchain ?? /^go\s+(\S+)/m.exec(text)?.[1];
  }
  const tool = toolVersionOf(text, ["golang", "go"]);
  if (tool !== undefined) return tool;
  return text.trim().split(/\r?\n/)[0]?.trim() || undefined;
}

async function listHere({ cache }: ToolSources, runner: ToolRunner): Promise<GoHere[]> {
  const own = await findTool("go", ["version"], /go version go(\S+)/, runner);
  const cached = cache.list("go").map(({ version, dir }) => ({ version, bin: join(dir, "bin") }));
  return [...(own === undefined ? [] : [{ version: own.version, bin: dirname(own.program) }]), ...cached];
}

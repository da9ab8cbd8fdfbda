import { readWorkspaceFile } from "./read-workspace-file.ts";
import { toolVersionOf } from "./tool-versions-file.ts";

/**
 * The version that a file of the workspace names: `package.json` (volta, devEngines, engines), `.tool-versions`, or one
 * that holds nothing but a version (`.nvmrc`, `.node-version`). Undefined when there is none.
 */
export function readNodeVersionFile(workspaceDir: string, path: string): string | undefined {
  const text = readWorkspaceFile(workspaceDir, path);
  if (text === undefined) return undefined;
  const trimmed = text.trim();
  if (trimmed.startsWith("{")) return readManifest(trimmed);
  const tool = toolVersionOf(text, ["node", "nodejs"]);
  if (tool !== undefined) return tool;
  const [line = ""] = trimmed.split(/\r?\n/).filter((one) => !one.trim().startsWith("#"));
  const version = line.replace(/#.*$/, "").trim();
  return version === "" ? undefined : version;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function readManifest(text: string): string | undefined {
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isRecord(manifest)) return undefined;
  const places = [
    isRecord(manifest.volta) ? manifest.volta.node : undefined,
    engineOf(isRecord(manifest.devEngines) ? manifest.devEngines.runtime : undefined),
    isRecord(manifest.engines) ? manifest.engines.node : undefined,
  ];
  return places.find((place): place is string => typeof place === "string" && place !== "");
}

/** `runtime` is one engine or a list of them. */
function engineOf(runtime: unknown): unknown {
  const engines: unknown[] = Array.isArray(runtime) ? runtime : [runtime];
  return engines.find((engine) => isRecord(engine) && engine.name === "node") === undefined
    ? undefined
    : engines.filter(isRecord).find((engine) => engine.name === "node")?.version;
}

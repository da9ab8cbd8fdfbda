import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { hasCode } from "@windrow/service";
import type { BuiltInAnswer, BuiltInRequest } from "../actions/action-port.ts";
import { chooseVersion, isRange, type Versioned, versionsOf } from "./choose-version.ts";
import { findProgram, type ToolRunner } from "./machine-tools.ts";
import { readWorkspaceFile } from "./read-workspace-file.ts";
import { cannotBeHad, inputOf, noticesOf, type SetupTool, type ToolSources } from "./setup-tool.ts";
import { TOOL_ARCH } from "./tool-cache.ts";
import { toolVersionOf } from "./tool-versions-file.ts";

interface JavaHere extends Versioned {
  readonly home: string;
}

/** Where distributions of Linux put their Java. */
const JVM_DIR = "/usr/lib/jvm";
/** Names that vendors have in tool caches: `Java_Temurin-Hotspot_jdk`. */
const CACHE_VENDORS = ["Temurin-Hotspot", "Zulu", "Adopt-Hotspot", "Corretto", "Microsoft", "Oracle", "Liberica"];

/** `actions/setup-java`: a JDK that the agent has, whoever made it. */
export const setupJava: SetupTool = async (request, sources, runner) => {
  const architecture = inputOf(request, "architecture");
  if (architecture !== "" && architecture !== TOOL_ARCH) {
    return { kind: "refused", why: `this agent is ${TOOL_ARCH} and cannot set up Java for ${architecture}` };
  }
  if (inputOf(request, "java-package") === "jre") {
    return { kind: "refused", why: "java-package: jre cannot be had: this agent looks for JDKs" };
  }
  const say = noticesOf(request);
  const wanted = readWanted(request, say);
  if (typeof wanted !== "string") return wanted;
  const range = wanted.replace(/^1\.8$/, "8").replace(/-ea$/, "");
  if (!isRange(range)) return { kind: "refused", why: `java-version '${wanted}' is not a version` };
  const here = await listHere(sources, runner);
  const chosen = chooseVersion(here, range);
  if (chosen === undefined) {
    const elsewhere = "no package registry has a JDK: install it on an agent, or give the agent a tool cache";
    return cannotBeHad({ tool: "Java", wanted, has: versionsOf(here), elsewhere });
  }
  const distribution = inputOf(request, "distribution");
  if (distribution !== "")
    say.push(`Note: distribution ${distribution}: the agent's own Java is taken, whoever made it`);
  if (inputOf(request, "server-id") !== "" || inputOf(request, "server-username") !== "") {
    say.push("Note: server-id and the like have no effect yet: no settings.xml is written");
  }
  say.push(`Java ${chosen.version} at ${chosen.home}`);
  const [major = ""] = chosen.version.split(/[.+]/);
  return {
    kind: "done",
    outputs: { distribution, version: chosen.version, path: chosen.home, "cache-hit": "" },
    env: [
      ["JAVA_HOME", chosen.home],
      [`JAVA_HOME_${major}_${TOOL_ARCH.toUpperCase()}`, chosen.home],
    ],
    paths: [join(chosen.home, "bin")],
    say,
  };
};

function readWanted(request: BuiltInRequest, say: string[]): string | (BuiltInAnswer & { readonly kind: "refused" }) {
  const versions = inputOf(request, "java-version")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const last = versions.at(-1);
  if (versions.length > 1) say.push("Note: of several Java versions the last one is set up here");
  if (last !== undefined) return last;
  const file = inputOf(request, "java-version-file");
  if (file === "") return { kind: "refused", why: "java-version is not given" };
  const text = readWorkspaceFile(request.workspaceDir, file);
  const read = text === undefined ? undefined : readVersion(text);
  if (read === undefined) {
    return { kind: "refused", why: `'${file}' is not a file in the workspace that names a version of Java` };
  }
  say.push(`'${file}' asks for Java ${read}`);
  return read;
}

/** `.java-version`, `.tool-versions` or `.sdkmanrc`: the number without the vendor's name. */
function readVersion(text: string): string | undefined {
  const named = toolVersionOf(text, ["java"]) ?? /^java=(\S+)/m.exec(text)?.[1] ?? text.trim().split(/\s+/)[0];
  return /\d+(?:\.\d+)*/.exec(named ?? "")?.[0];
}

async function listHere({ cache }: ToolSources, runner: ToolRunner): Promise<JavaHere[]> {
  const program = await findProgram("javac", runner);
  const homes = new Set<string>();
  if (program !== undefined) homes.add(dirname(dirname(realpathSync(program))));
  for (const name of namesIn(JVM_DIR)) {
    if (existsSync(join(JVM_DIR, name, "bin/javac"))) homes.add(realpathSync(join(JVM_DIR, name)));
  }
  for (const vendor of CACHE_VENDORS) for (const tool of cache.list(`Java_${vendor}_jdk`)) homes.add(tool.dir);
  return [...homes].flatMap((home) => {
    const version = releaseOf(home);
    return version === undefined ? [] : [{ version, home }];
  });
}

/** Every JDK says in its file `release` what it is. */
function releaseOf(home: string): string | undefined {
  try {
    const version = /^JAVA_VERSION="([^"]+)"/m.exec(readFileSync(join(home, "release"), "utf8"))?.[1];
    return version?.replace(/^1\.8\.0_(\d+)$/, "8.0.$1");
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES")) return undefined;
    throw error;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

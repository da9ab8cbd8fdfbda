import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { hasCode } from "@windrow/service";
import type { BuiltInAnswer, BuiltInRequest } from "../actions/action-port.ts";
import { chooseVersion, isRange, type Versioned, versionsOf } from "./choose-version.ts";
import { askProgram, findProgram, type ToolRunner } from "./machine-tools.ts";
import { readPythonVersionFile, readPythonWish } from "./python-version-file.ts";
import { cannotBeHad, inputOf, noticesOf, type SetupTool, type ToolSources } from "./setup-tool.ts";
import { TOOL_ARCH } from "./tool-cache.ts";

interface PythonHere extends Versioned {
  readonly program: string;
  /** Of a tool cache: the folder of its shared library, which the loader does not know. */
  readonly libraryDir?: string;
}

const DEFAULT_FILE = ".python-version";
const PROGRAMS_MAX = 20;

// An environment of the job's own, so that pip may install; made by the job's user.
const SCRIPT = `set -eu
printf '%s\\n' "$WINDROW_SETUP_SAY"
dir=$WINDROW_SETUP_DIR
if [ -n "$WINDROW_SETUP_LIBRARY" ]; then
  LD_LIBRARY_PATH=$WINDROW_SETUP_LIBRARY
  export LD_LIBRARY_PATH
fi
# isolated: the workspace it stands in may have modules of its own by these names
if ! "$WINDROW_SETUP_PYTHON" -I -m venv "$dir" >"$RUNNER_TEMP/venv.log" 2>&1; then
  rm -rf -- "$dir"
  "$WINDROW_SETUP_PYTHON" -I -m venv --without-pip "$dir" || { cat "$RUNNER_TEMP/venv.log"; exit 1; }
  echo "::warning::setup-python: this Python has no ensurepip, so there is no pip"
fi
printf 'python-version=%s\\npython-path=%s\\ncache-hit=\\n' "$WINDROW_SETUP_VERSION" "$dir/bin/python" >> "$GITHUB_OUTPUT"
[ "$WINDROW_SETUP_UPDATE" = true ] || exit 0
printf '%s\\n' "$dir/bin" >> "$GITHUB_PATH"
for name in pythonLocation Python_ROOT_DIR Python2_ROOT_DIR Python3_ROOT_DIR VIRTUAL_ENV; do
  printf '%s=%s\\n' "$name" "$dir" >> "$GITHUB_ENV"
done
if [ -n "$WINDROW_SETUP_LIBRARY" ]; then
  printf 'LD_LIBRARY_PATH=%s\\n' "$LD_LIBRARY_PATH\${WINDROW_SETUP_LIBRARIES:+:$WINDROW_SETUP_LIBRARIES}" >> "$GITHUB_ENV"
fi
printf 'PKG_CONFIG_PATH=%s/lib/pkgconfig\\n' "$dir" >> "$GITHUB_ENV"
`;

/** `actions/setup-python`: a Python that the agent has, in an environment of the job's own. */
export const setupPython: SetupTool = async (request, sources, runner) => {
  const architecture = inputOf(request, "architecture");
  if (architecture !== "" && architecture !== TOOL_ARCH) {
    return { kind: "refused", why: `this agent is ${TOOL_ARCH} and cannot set up Python for ${architecture}` };
  }
  const say = noticesOf(request);
  const wanted = readWanted(request, say);
  if (typeof wanted !== "string") return wanted;
  const here = await listHere(sources, runner);
  const wish = readPythonWish(wanted);
  if (wish.kind === "unknown")
    return cannotBeHad({ tool: "Python", wanted, has: versionsOf(here), elsewhere: wish.why });
  if (!isRange(wish.range)) return { kind: "refused", why: `python-version '${wanted}' is not a version` };
  const chosen = chooseVersion(here, wish.range);
  if (chosen === undefined) {
    const elsewhere = "no package registry has Python itself: install it on an agent, or give the agent a tool cache";
    return cannotBeHad({ tool: "Python", wanted, has: versionsOf(here), elsewhere });
  }
  sources.cache.noteUse(chosen.program);
  say.push(`Python ${chosen.version} of ${chosen.program}`);
  return {
    kind: "run",
    argv: ["/bin/sh", "-c", SCRIPT, "setup-python"],
    env: {
      WINDROW_SETUP_SAY: say.join("\n"),
      WINDROW_SETUP_PYTHON: chosen.program,
      WINDROW_SETUP_LIBRARY: chosen.libraryDir ?? "",
      // for the steps that follow, not for this one
      WINDROW_SETUP_LIBRARIES: request.env.LD_LIBRARY_PATH ?? "",
      WINDROW_SETUP_VERSION: chosen.version,
      WINDROW_SETUP_DIR: join(request.toolCacheDir, "Python", chosen.version, TOOL_ARCH),
      WINDROW_SETUP_UPDATE: inputOf(request, "update-environment").toLowerCase() === "false" ? "false" : "true",
    },
  };
};

function readWanted(request: BuiltInRequest, say: string[]): string | (BuiltInAnswer & { readonly kind: "refused" }) {
  const versions = inputOf(request, "python-version")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const last = versions.at(-1);
  if (versions.length > 1) say.push("Note: of several Python versions the last one is set up here");
  if (last !== undefined) return last;
  const file = inputOf(request, "python-version-file");
  const read = readPythonVersionFile(request.workspaceDir, file === "" ? DEFAULT_FILE : file);
  if (read !== undefined) {
    say.push(`'${file === "" ? DEFAULT_FILE : file}' asks for Python ${read}`);
    return read;
  }
  if (file === "") return "3.x";
  return { kind: "refused", why: `'${file}' is not a file in the workspace that names a version of Python` };
}

async function listHere({ cache }: ToolSources, runner: ToolRunner): Promise<PythonHere[]> {
  const names = ["python3", "python", ...versionedNames(runner.env.PATH ?? "")];
  const programs = await Promise.all([...new Set(names)].map((name) => findProgram(name, runner)));
  const asked = await Promise.all(
    [...new Set(programs.filter((program) => program !== undefined))].map(async (program) => {
      const printed = await askProgram(program, ["--version"], runner);
      const version = /^Python (\d\S*)/.exec(printed ?? "")?.[1];
      return version === undefined ? [] : [{ version, program }];
    }),
  );
  const cached = cache.list("Python").map(({ version, dir }) => ({
    version,
    program: join(dir, "bin/python3"),
    libraryDir: join(dir, "lib"),
  }));
  return [...asked.flat(), ...cached];
}

/** `python3.9` and the like in the folders of PATH. */
function versionedNames(path: string): string[] {
  const names = path.split(":").flatMap((folder) => {
    try {
      return readdirSync(folder).filter((name) => /^python3\.\d+$/.test(name));
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES")) return [];
      throw error;
    }
  });
  return [...new Set(names.map((name) => basename(name)))].slice(0, PROGRAMS_MAX);
}

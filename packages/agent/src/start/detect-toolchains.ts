import type { SlotUser } from "@windrow/backends";
import type { Toolchain } from "@windrow/model";
import { runProgram } from "./run-program.ts";

/** What a job would find when it runs a program. */
export interface Runner {
  readonly env: { readonly [name: string]: string };
  /** Who steps run as: what only the agent can run is of no use to them. */
  readonly user?: SlotUser | undefined;
}

interface Probe {
  /** Also the label. */
  readonly name: string;
  /** Tried in turn. The program runs, or the machine does not have the language. */
  readonly programs: readonly (readonly string[])[];
  /** Where its answer says its version; a number with dots in the first line unless told. */
  readonly version?: RegExp;
}

/** Tools of languages that an agent looks for. */
const PROBES: readonly Probe[] = [
  { name: "node", programs: [["node", "--version"]] },
  {
    name: "python",
    programs: [
      ["python3", "--version"],
      ["python", "--version"],
    ],
  },
  { name: "go", programs: [["go", "version"]], version: /\bgo(\d[\w.-]*)/ },
  {
    name: "rust",
    programs: [
      ["cargo", "--version"],
      ["rustc", "--version"],
    ],
  },
  {
    name: "java",
    programs: [
      ["javac", "-version"],
      ["java", "-version"],
    ],
  },
  { name: "ruby", programs: [["ruby", "--version"]] },
  { name: "php", programs: [["php", "--version"]] },
  { name: "dotnet", programs: [["dotnet", "--version"]] },
  { name: "elixir", programs: [["mix", "--version"]], version: /\bMix (\d[\w.-]*)/ },
  { name: "swift", programs: [["swift", "--version"]] },
  { name: "deno", programs: [["deno", "--version"]] },
  { name: "bun", programs: [["bun", "--version"]] },
  {
    name: "cpp",
    programs: [
      ["c++", "--version"],
      ["cc", "--version"],
    ],
    // `c++ (Debian 12.2.0-14) 12.2.0`: the first number may be that of the package
    version: /(\d+\.\d[\w.]*)(?=\s*(?:\(.*\))?$)/m,
  },
];

const VERSION = /(\d+\.\d[\w.+-]*|\b\d+\b)/;

/** A tool that runs; no version where it says none. */
export interface FoundTool {
  readonly name: string;
  readonly version?: string;
}

/** The languages this machine has, in a fixed order, checked by running their tools. */
export async function detectToolchains(runner: Runner): Promise<FoundTool[]> {
  const found = await Promise.all(PROBES.map((probe) => look(probe, runner)));
  return found.filter((tool) => tool !== undefined);
}

/** Labels of a tool: its name, with its major version, with major and minor: `python`, `python-3`, `python-3.11`. */
export function labelsOfTool({ name, version }: FoundTool): string[] {
  const [, major, minor] = /^(\d+)(?:\.(\d+))?/.exec(version ?? "") ?? [];
  if (major === undefined) return [name];
  return [name, `${name}-${major}`, ...(minor === undefined ? [] : [`${name}-${major}.${minor}`])];
}

/** Those that said which version they are. */
export function toToolchains(tools: readonly FoundTool[]): Toolchain[] {
  return tools.flatMap(({ name, version }) => (version === undefined ? [] : [{ name, version }]));
}

async function look({ name, programs, version = VERSION }: Probe, runner: Runner): Promise<FoundTool | undefined> {
  for (const program of programs) {
    const answer = await runProgram(program, runner);
    if (answer === undefined) continue;
    const [, found] = version.exec(answer) ?? [];
    return found === undefined ? { name } : { name, version: plain(found) };
  }
  return undefined;
}

/** Java counted `1.8.0_392` before it counted `9`. */
function plain(version: string): string {
  return version.replace(/^1\.(\d+)\.(\d+)_/, "$1.$2.").replace(/[.+-]+$/, "");
}

import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";

/** What a workflow may name without a command of its own. */
const SHELLS = ["bash", "sh", "pwsh", "python", "python3"] as const;

export type FoundShell =
  | { readonly kind: "found"; readonly argv: readonly string[] }
  | { readonly kind: "missing"; readonly why: string };

export interface ShellPlace {
  readonly path: string;
  /** What a container has of the programs that it was asked for; undefined on the machine. */
  readonly tools: readonly string[] | undefined;
}

/**
 * Looks whether the program of a shell is there. `python` is also found as `python3`, as many systems call it; for
 * anything else that is missing the answer names what there is.
 */
export function findShell(shell: string | undefined, argv: readonly string[], where: ShellPlace): FoundShell {
  const program = argv[0] ?? "";
  // What every machine has is not looked for.
  if (program === "sh" || program.includes("/")) return { kind: "found", argv };
  if (isThere(program, where)) return { kind: "found", argv };
  if (shell?.trim().toLowerCase() === "python" && isThere("python3", where)) {
    return { kind: "found", argv: ["python3", ...argv.slice(1)] };
  }
  const there = SHELLS.filter((name) => isThere(name, where));
  const who = where.tools === undefined ? "this agent" : "the job's container";
  return {
    kind: "missing",
    why: `the shell '${shell ?? program}' needs '${program}', which ${who} does not have; it has ${there.join(", ")}`,
  };
}

function isThere(program: string, { path, tools }: ShellPlace): boolean {
  if (tools === undefined) return isOnPath(program, path);
  // of others nothing is known
  return program === "sh" || tools.includes(program) || !SHELLS.some((name) => name === program);
}

function isOnPath(program: string, path: string): boolean {
  return path.split(":").some((folder) => folder !== "" && isExecutable(join(folder, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && !hasCode(error, "EIO")) return false;
    throw error;
  }
}

import { join } from "node:path";
import type { ActionDefinition } from "@windrow/model";
import { type ParseActionResult, parseAction } from "@windrow/workflow";
import type { OpenJob } from "./open-job.ts";
import { readPlacedFile } from "./read-placed-file.ts";
import { runBounded } from "./run-bounded.ts";

export const LOCAL_ACTION_BYTES_MAX = 512 * 1024;
const NAMES = ["action.yml", "action.yaml"];

/** Nothing else of the agent goes on while it is read. */
const PARSE_MS_MAX = 4_000;

export type LocalAction =
  | { readonly kind: "read"; readonly definition: ActionDefinition }
  | { readonly kind: "refused"; readonly why: string };

/** Reads the action file in a folder of the workspace. The job may have put anything there. */
export function readLocalAction({ files }: Pick<OpenJob, "files">, path: string): LocalAction {
  const { workspaceDir, workDir } = files.work;
  for (const name of NAMES) {
    const file = readPlacedFile({
      path: join(path, name),
      fromDir: workspaceDir,
      rootDirs: [workDir],
      bytesMax: LOCAL_ACTION_BYTES_MAX,
    });
    if (file.kind === "missing") continue;
    if (file.kind === "refused") return { kind: "refused", why: `${name}: ${file.why}` };
    const parsed = parseBounded(join(path, name), file.text);
    if (parsed === undefined) return { kind: "refused", why: `${name} takes longer than ${PARSE_MS_MAX} ms to read` };
    const { definition, diagnostics } = parsed;
    if (definition !== undefined) return { kind: "read", definition };
    const first = diagnostics.find((one) => one.severity === "error");
    const where = first === undefined ? "" : `, line ${first.line}: ${first.message}`;
    return { kind: "refused", why: `${join(path, name)}${where}` };
  }
  const looked = path === "" || path === "." ? "the workspace" : `'${path}'`;
  return { kind: "refused", why: `there is no action.yml in ${looked} (is the repository checked out?)` };
}

/** Undefined: it was written to take long. */
function parseBounded(path: string, text: string): ParseActionResult | undefined {
  let parsed: ParseActionResult | undefined;
  const isDone = runBounded(() => {
    parsed = parseAction({ path, text });
  }, PARSE_MS_MAX);
  return isDone ? parsed : undefined;
}

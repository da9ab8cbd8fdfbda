import { readFile } from "node:fs/promises";
import path from "node:path";
import type { CalledWorkflow, Diagnostic, WorkflowDefinition } from "@windrow/model";
import type { ParseWorker } from "@windrow/workflow";
import { isMissing } from "../lint/is-missing.ts";

/** As documented: how deep calls may be nested, the run's own file included, and how many files a run may have. */
const LEVELS_MAX = 10;
const FILES_MAX = 51;

export interface CalledPlace {
  /** Root of the repository. */
  readonly root: string;
  readonly repository: string;
  readonly ref: string;
  readonly sha: string;
}

/** Reads the workflows of this repository that jobs call, from the files here. What cannot be read is a diagnostic. */
export async function loadCalled(
  definition: WorkflowDefinition,
  place: CalledPlace,
  parser: ParseWorker,
): Promise<{ definition: WorkflowDefinition; diagnostics: Diagnostic[] }> {
  const diagnostics: Diagnostic[] = [];
  let filesCount = 1;

  const load = async (caller: WorkflowDefinition, level: number): Promise<WorkflowDefinition> => {
    const called: Record<string, CalledWorkflow> = {};
    for (const { call, position } of caller.jobs) {
      if (call === undefined || Object.hasOwn(called, call.uses)) continue;
      const complain = (severity: Diagnostic["severity"], code: string, message: string, hint: string) =>
        diagnostics.push({ severity, code, message, hint, file: caller.path, ...position });
      if (!/^[.$]\//.test(call.uses)) {
        complain("warning", "not-read", `'${call.uses}' is not read here`, "its jobs are known when the farm runs it");
        continue;
      }
      if (level >= LEVELS_MAX) {
        complain("error", "limit-calls", `workflows call each other more than ${LEVELS_MAX} deep`, "call fewer levels");
        continue;
      }
      filesCount += 1;
      if (filesCount > FILES_MAX) {
        complain("error", "limit-calls", `more than ${FILES_MAX} workflow files take part`, "call fewer workflows");
        continue;
      }
      const file = path.posix.normalize(call.uses.slice(2));
      const text = await readText(path.join(place.root, file));
      if (text === undefined) {
        complain("error", "unknown-workflow", `there is no file ${file}`, "compare with the path in `uses`");
        continue;
      }
      const parsed = await parser.parse(file, text);
      diagnostics.push(...parsed.diagnostics);
      if (parsed.definition === undefined) continue;
      const { repository, ref, sha } = place;
      called[call.uses] = { repository, ref, sha, definition: await load(parsed.definition, level + 1) };
    }
    return Object.keys(called).length === 0 ? caller : { ...caller, called };
  };

  return { definition: await load(definition, 1), diagnostics };
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

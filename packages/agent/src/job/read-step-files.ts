import { STEP_SUMMARY_BYTES_MAX } from "@windrow/model";
import { parseEnvironmentFile, parsePathFile } from "@windrow/workflow";
import { isSettable } from "./is-settable.ts";
import { readOwnedFile } from "./read-owned-file.ts";
import type { StepFiles } from "./step-files.ts";

/** Largest file of variables, outputs or paths that one step may leave. */
export const STEP_FILE_BYTES_MAX = 1024 * 1024;

/** What a step left for later ones; with `errors`, which fail it, nothing of the broken file counts. */
export interface StepWord {
  readonly env: readonly (readonly [string, string])[];
  readonly outputs: readonly (readonly [string, string])[];
  readonly state: readonly (readonly [string, string])[];
  readonly paths: readonly string[];
  readonly summary: string;
  readonly errors: readonly string[];
  /** What was left out: the step goes on without it. */
  readonly complaints: readonly string[];
}

export function readStepFiles(files: StepFiles): StepWord {
  const errors: string[] = [];
  const complaints: string[] = [];
  const read = (name: string, path: string): string => {
    const file = readOwnedFile(path, STEP_FILE_BYTES_MAX);
    if (file.kind === "refused") errors.push(`${name} is not read: ${file.why}`);
    return file.kind === "read" ? file.text : "";
  };
  const parse = (name: string, path: string, kind: "env" | "output"): [string, string][] => {
    const text = read(name, path);
    if (text === "") return [];
    const parsed = parseEnvironmentFile(text, kind);
    if (parsed.kind === "error") {
      errors.push(`${name}, line ${parsed.line}: ${parsed.message}`);
      return [];
    }
    for (const { name: blocked } of parsed.blocked) complaints.push(`${name}: '${blocked}' may not be set`);
    return parsed.entries.map((entry) => [entry.name, entry.value]);
  };
  const env = parse("GITHUB_ENV", files.env, "env").filter(([name]) => {
    if (isSettable(name)) return true;
    complaints.push(`GITHUB_ENV: '${name}' may not be set`);
    return false;
  });
  const outputs = parse("GITHUB_OUTPUT", files.output, "output");
  const state = files.state === undefined ? [] : parse("GITHUB_STATE", files.state, "output");
  const paths = parsePathFile(read("GITHUB_PATH", files.path));
  const written = readOwnedFile(files.summary, STEP_SUMMARY_BYTES_MAX);
  if (written.kind === "refused") complaints.push(`GITHUB_STEP_SUMMARY is left out: ${written.why}`);
  const summary = written.kind === "read" ? written.text : "";
  return { env, outputs, state, paths, summary, errors, complaints };
}

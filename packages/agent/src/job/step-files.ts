import { join } from "node:path";
import type { OpenJob } from "./open-job.ts";

/** Where a step may leave word for later ones. */
export interface StepFiles {
  readonly env: string;
  readonly output: string;
  readonly path: string;
  /** Of actions, which may have later parts. */
  readonly state?: string;
  readonly summary: string;
}

export interface MadeStepFiles {
  readonly files: StepFiles;
  /** The variables that name them. */
  readonly variables: { readonly [name: string]: string };
}

/** Where its files will be that expressions may name. */
export function placeStepFiles(job: OpenJob, backendNo: number): { readonly env: string; readonly path: string } {
  return { env: join(job.files.dir, `${backendNo}-env`), path: join(job.files.dir, `${backendNo}-path`) };
}

/** Makes a process's files afresh, or leaves those of an earlier try. */
export function makeStepFiles(job: OpenJob, backendNo: number, options: { readonly hasState: boolean }): MadeStepFiles {
  const make = (name: string) => job.files.write(`${backendNo}-${name}`, "");
  const files = { env: make("env"), output: make("output"), path: make("path"), summary: make("summary") };
  // A script that writes its state all the same makes the file itself; nobody reads it.
  const state = options.hasState ? make("state") : join(job.files.work.tempDir, `${backendNo}-state`);
  return {
    files: options.hasState ? { ...files, state } : files,
    variables: {
      GITHUB_ENV: files.env,
      GITHUB_OUTPUT: files.output,
      GITHUB_PATH: files.path,
      GITHUB_STATE: state,
      GITHUB_STEP_SUMMARY: files.summary,
    },
  };
}

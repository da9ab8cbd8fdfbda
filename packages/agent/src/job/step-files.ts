import { join } from "node:path";
import { COMMANDS_NAME } from "./job-view.ts";
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
  const place = (name: string) => job.view.show(join(job.files.dir, fileName(job, `${backendNo}-${name}`)));
  return { env: place("env"), path: place("path") };
}

/** A job's container may write in a folder of its own. */
const fileName = ({ view }: OpenJob, name: string): string => (view.isInContainer ? `${COMMANDS_NAME}/${name}` : name);

/** Makes a process's files afresh, or leaves those of an earlier try. */
export function makeStepFiles(job: OpenJob, backendNo: number, options: { readonly hasState: boolean }): MadeStepFiles {
  const make = (name: string) => job.files.write(fileName(job, `${backendNo}-${name}`), "");
  const files = { env: make("env"), output: make("output"), path: make("path"), summary: make("summary") };
  // A script that writes its state all the same makes the file itself; nobody reads it.
  const state = options.hasState ? make("state") : join(job.files.work.tempDir, `${backendNo}-state`);
  const { show } = job.view;
  return {
    files: options.hasState ? { ...files, state } : files,
    variables: {
      GITHUB_ENV: show(files.env),
      GITHUB_OUTPUT: show(files.output),
      GITHUB_PATH: show(files.path),
      GITHUB_STATE: show(state),
      GITHUB_STEP_SUMMARY: show(files.summary),
    },
  };
}

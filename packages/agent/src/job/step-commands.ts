import type { Annotation } from "@windrow/model";
import { parseWorkflowCommand, type WorkflowCommand } from "@windrow/workflow";
import type { CommandLine } from "../logs/command-scanner.ts";
import { isSettable } from "./is-settable.ts";
import { maskVariants } from "./mask-variants.ts";

/** A secret as it is, or as programs are apt to write it: such forms must not take the room of further secrets. */
export type MaskForm = "written" | "derived";

export interface StepCommandsOptions {
  /** Secret bytes that hold from this raw offset of the step's stream on. False: there are too many of them. */
  readonly onMask: (bytes: Buffer, fromOffset: number, form: MaskForm) => boolean;
  readonly onAnnotation: (annotation: Annotation) => void;
  /** A file of problem matchers. Answers a sentence when it cannot be used. */
  readonly onAddMatcher: (path: string) => string | undefined;
  readonly onRemoveMatcher: (which: { readonly owner?: string; readonly path?: string }) => void;
  /** Whether the step may set variables and paths by command. */
  readonly allowsUnsecure: boolean;
}

/** What one process set by command. */
export interface CommandsSaid {
  readonly outputs: ReadonlyMap<string, string>;
  readonly state: ReadonlyMap<string, string>;
  readonly env: ReadonlyMap<string, string>;
  readonly paths: readonly string[];
  /** A command that is not allowed, which fails the step. */
  readonly error: string | undefined;
}

/** Obeys the workflow commands in one process's output. Their lines stay in the log, where readers show them. */
export interface StepCommands {
  take(command: CommandLine): void;
  readonly said: CommandsSaid;
}

/** Outputs, states, variables and paths that one step may set by command, and their bytes together. */
export const COMMAND_OUTPUTS_MAX = 1_000;
export const COMMAND_OUTPUTS_BYTES_MAX = 1024 * 1024;
/** What the steps of one job may call secret, and the bytes of it together. */
export const JOB_MASKS_MAX = 10_000;
export const JOB_MASKS_BYTES_MAX = 256 * 1024;
const MASKS_LIMIT = `a job may name ${JOB_MASKS_MAX} secrets of ${JOB_MASKS_BYTES_MAX} bytes together`;

export function createStepCommands(options: StepCommandsOptions): StepCommands {
  const outputs = new Map<string, string>();
  const state = new Map<string, string>();
  const env = new Map<string, string>();
  const paths: string[] = [];
  let error: string | undefined;
  let stopToken: string | undefined;
  let keptCount = 0;
  let keptBytes = 0;

  const complain = (message: string) => options.onAnnotation({ level: "warning", message });

  function hasRoom(name: string, bytes: number): boolean {
    keptCount++;
    keptBytes += bytes;
    if (keptCount <= COMMAND_OUTPUTS_MAX && keptBytes <= COMMAND_OUTPUTS_BYTES_MAX) return true;
    keptBytes -= bytes;
    complain(`'${name.slice(0, 100)}' is left out: the step has set too many, or too long ones, by command`);
    return false;
  }

  function set(values: Map<string, string>, name: string, value: string): void {
    if (name === "" || !hasRoom(name, Buffer.byteLength(value))) return;
    values.set(name, value);
  }

  function mask(value: string, rawOffset: number): void {
    const written = new Set([value, ...value.split(/\r?\n/).map((line) => line.trim())]);
    for (const bytes of maskVariants(Buffer.from(value))) {
      const form = written.has(bytes.toString("utf8")) ? "written" : "derived";
      if (!options.onMask(bytes, rawOffset, form)) complain(`more is called secret than can be hidden: ${MASKS_LIMIT}`);
    }
  }

  function allows(name: string, instead: string): boolean {
    if (options.allowsUnsecure) return true;
    error ??= `the command '${name}' is refused: write to the file ${instead}`;
    options.onAnnotation({ level: "error", message: error });
    return false;
  }

  function obey(command: WorkflowCommand, rawOffset: number): void {
    switch (command.kind) {
      case "error":
      case "warning":
      case "notice":
        options.onAnnotation({ level: command.kind, message: command.message, ...command.place });
        break;
      case "add-mask":
        mask(command.value, rawOffset);
        break;
      case "stop-commands":
        stopToken = command.token;
        break;
      case "resume-commands":
        stopToken = undefined;
        break;
      case "set-output":
        set(outputs, command.name, command.value);
        break;
      case "save-state":
        set(state, command.name, command.value);
        break;
      case "set-env":
        if (!allows("set-env", "GITHUB_ENV")) break;
        if (isSettable(command.name)) set(env, command.name, command.value);
        else options.onAnnotation({ level: "error", message: `set-env: '${command.name}' may not be set` });
        break;
      case "add-path":
        if (allows("add-path", "GITHUB_PATH") && hasRoom(command.value, command.value.length)) {
          paths.push(command.value);
        }
        break;
      case "add-matcher": {
        const why = options.onAddMatcher(command.path.trim());
        if (why !== undefined) complain(why);
        break;
      }
      case "remove-matcher":
        options.onRemoveMatcher(command);
        break;
      case "refused":
        complain(command.message);
        break;
      case "group":
      case "endgroup":
      case "debug":
      case "echo":
        // Whoever shows the log minds these.
        break;
    }
  }

  return {
    get said() {
      return { outputs, state, env, paths, error };
    },
    take({ line, rawOffset }) {
      const command = parseWorkflowCommand(line, stopToken);
      if (command !== undefined) obey(command, rawOffset);
    },
  };
}

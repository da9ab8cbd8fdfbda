import { parseWorkflowCommand } from "@windrow/workflow";
import type { CommandLine } from "../logs/command-scanner.ts";

export interface StepCommandsOptions {
  /** Secret bytes that hold from this raw offset of the step's stream on. False: there are too many of them. */
  readonly onMask: (bytes: Buffer, fromOffset: number) => boolean;
  /** A sentence for the job's log about a command that is not obeyed. */
  readonly onRefused: (message: string) => void;
}

/** Obeys the workflow commands in one step's output. Groups and annotations stay in the log, where readers show them. */
export interface StepCommands {
  take(command: CommandLine): void;
  /** From the old `set-output` command. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** Outputs that one step may set by command, and their bytes together. */
export const COMMAND_OUTPUTS_MAX = 1_000;
export const COMMAND_OUTPUTS_BYTES_MAX = 1024 * 1024;
/** What the steps of one job may call secret, and the bytes of it together. */
export const JOB_MASKS_MAX = 10_000;
export const JOB_MASKS_BYTES_MAX = 256 * 1024;
const MASKS_LIMIT = `a job may name ${JOB_MASKS_MAX} secrets of ${JOB_MASKS_BYTES_MAX} bytes together`;
/** Sentences about one step's commands: a step that goes on after that is not told again. */
export const REFUSALS_SAID_MAX = 10;

export function createStepCommands(options: StepCommandsOptions): StepCommands {
  const outputs = new Map<string, string>();
  let stopToken: string | undefined;
  let outputsBytes = 0;
  let refusalsCount = 0;

  function setOutput(name: string, value: string): void {
    if (name === "") return;
    const known = outputs.get(name);
    const bytes = outputsBytes + Buffer.byteLength(value) - Buffer.byteLength(known ?? "");
    if ((known === undefined && outputs.size >= COMMAND_OUTPUTS_MAX) || bytes > COMMAND_OUTPUTS_BYTES_MAX) {
      refuse(`the output '${name.slice(0, 100)}' is left out: the step has set too many, or too long ones`);
      return;
    }
    outputsBytes = bytes;
    outputs.set(name, value);
  }

  function refuse(message: string): void {
    if (++refusalsCount <= REFUSALS_SAID_MAX) options.onRefused(message);
  }

  return {
    outputs,
    take({ line, rawOffset }) {
      const command = parseWorkflowCommand(line, stopToken);
      switch (command?.kind) {
        case "add-mask":
          for (const bytes of maskBytes(command.value)) {
            if (!options.onMask(bytes, rawOffset)) refuse(`more is called secret than can be hidden: ${MASKS_LIMIT}`);
          }
          break;
        case "stop-commands":
          stopToken = command.token;
          break;
        case "resume-commands":
          stopToken = undefined;
          break;
        case "set-output":
          setOutput(command.name, command.value);
          break;
        case "refused":
          refuse(command.message);
          break;
        default:
      }
    },
  };
}

/** A secret of several lines is also secret line by line. */
function maskBytes(value: string): Buffer[] {
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  return [...new Set([value, ...lines])].filter((text) => text.trim() !== "").map((text) => Buffer.from(text));
}

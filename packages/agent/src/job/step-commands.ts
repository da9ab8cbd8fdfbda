import { parseWorkflowCommand } from "@windrow/workflow";
import type { CommandLine } from "../logs/command-scanner.ts";

export interface StepCommandsOptions {
  /** Secret bytes that hold from this raw offset of the step's stream on. */
  readonly onMask: (bytes: Buffer, fromOffset: number) => void;
  /** A sentence for the job's log about a command that is not obeyed. */
  readonly onRefused: (message: string) => void;
}

/** Obeys the workflow commands in one step's output. Groups and annotations stay in the log, where readers show them. */
export interface StepCommands {
  take(command: CommandLine): void;
  /** From the old `set-output` command. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** Outputs that one step may set by command. */
export const COMMAND_OUTPUTS_MAX = 1_000;

export function createStepCommands(options: StepCommandsOptions): StepCommands {
  const outputs = new Map<string, string>();
  let stopToken: string | undefined;
  return {
    outputs,
    take({ line, rawOffset }) {
      const command = parseWorkflowCommand(line, stopToken);
      switch (command?.kind) {
        case "add-mask":
          for (const bytes of maskBytes(command.value)) options.onMask(bytes, rawOffset);
          break;
        case "stop-commands":
          stopToken = command.token;
          break;
        case "resume-commands":
          stopToken = undefined;
          break;
        case "set-output":
          if (command.name !== "" && outputs.size < COMMAND_OUTPUTS_MAX) outputs.set(command.name, command.value);
          break;
        case "refused":
          options.onRefused(command.message);
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

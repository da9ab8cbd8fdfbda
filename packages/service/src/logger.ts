import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { pino } from "pino";
import { formatLogLine } from "./format-log-line.ts";
import { hasCode } from "./has-code.ts";

export type Logger = pino.Logger;

export interface LoggerOptions {
  readonly component: string;
  readonly level?: string;
}

const STDERR = 2;

/** JSON lines on stderr, one per event, or lines for people where stderr is a terminal; tokens and credentials that reach a log object are blanked. */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level ?? "info",
      base: { component: options.component, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: ["token", "credential", "password", "seed", "*.token", "*.credential", "*.password", "*.seed"],
        censor: "[redacted]",
      },
    },
    isatty(STDERR) ? linesForPeople() : pino.destination({ dest: STDERR, sync: true }),
  );
}

function linesForPeople(): pino.DestinationStream {
  return {
    write(line) {
      try {
        writeSync(STDERR, formatLogLine(line));
      } catch (error) {
        // A terminal that is gone, or that is too slow to take a line, must not end the process that writes to it.
        if (!hasCode(error, "EIO", "EPIPE", "EAGAIN")) throw error;
      }
    },
  };
}

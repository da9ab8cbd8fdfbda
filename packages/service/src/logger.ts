import { pino } from "pino";

export type Logger = pino.Logger;

export interface LoggerOptions {
  readonly component: string;
  readonly level?: string;
}

/** JSON lines on stderr, one per event; tokens and credentials that reach a log object are blanked. */
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
    pino.destination({ dest: 2, sync: true }),
  );
}

/** What the wire needs of a logger; pino has it. */
export interface WireLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

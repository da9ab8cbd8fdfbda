export { EmbeddedError, type EmbeddedErrorCode } from "./embedded-error.ts";
export { describePortOwner, findPortOwner, type PortOwner } from "./find-port-owner.ts";
export { decodeNatsKeys, type NatsKeys } from "./nats/nats-keys.ts";
export { type RunningNats, type StartNatsOptions, startNats } from "./nats/start-nats.ts";
export { type WriteNatsConfigOptions, type WrittenNatsConfig, writeNatsConfig } from "./nats/write-nats-config.ts";
export {
  type PostgresConnection,
  type RunningPostgres,
  type StartPostgresOptions,
  startPostgres,
} from "./postgres/start-postgres.ts";
export { type EndStep, endProcess } from "./process/end-process.ts";
export { isProcessAlive, readCommandLine } from "./process/process-facts.ts";
export { watchEnd } from "./process/watch-end.ts";
export { type FreePortOptions, requireFreePort } from "./require-free-port.ts";

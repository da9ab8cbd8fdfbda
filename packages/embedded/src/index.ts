export { EmbeddedError, type EmbeddedErrorCode } from "./embedded-error.ts";
export {
  type PostgresConnection,
  type RunningPostgres,
  type StartPostgresOptions,
  startPostgres,
} from "./postgres/start-postgres.ts";

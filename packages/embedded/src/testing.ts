export { startTestPostgres, type TestDatabase, type TestPostgres, type TestTemplate } from "./testing/test-postgres.ts";

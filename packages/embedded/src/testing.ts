export { findFreePort, startTestNats, type TestNats } from "./testing/test-nats.ts";
export { startTestPostgres, type TestDatabase, type TestPostgres, type TestTemplate } from "./testing/test-postgres.ts";

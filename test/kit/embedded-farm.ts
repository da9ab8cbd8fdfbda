export { startTestPostgres, type TestDatabase, type TestPostgres, type TestTemplate } from "@windrow/embedded/testing";

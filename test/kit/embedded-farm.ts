export {
  findFreePort,
  startTestNats,
  startTestPostgres,
  type TestDatabase,
  type TestNats,
  type TestPostgres,
  type TestTemplate,
} from "@windrow/embedded/testing";

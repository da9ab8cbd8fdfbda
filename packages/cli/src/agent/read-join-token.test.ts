import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterAll, expect, test } from "vitest";
import { readJoinToken } from "./read-join-token.ts";

const folder = mkdtempSync(path.join(tmpdir(), "windrow-join-token-"));
afterAll(() => rmSync(folder, { recursive: true }));
const none = { environment: {} };

test("a join token comes from a flag, a file, stdin or the environment", async () => {
  const file = path.join(folder, "token");
  writeFileSync(file, "wrj_file\n");
  const environment = { WINDROW_JOIN_TOKEN: "wrj_environment" };
  expect(await readJoinToken(none, { token: "wrj_flag" })).toBe("wrj_flag");
  expect(await readJoinToken({ environment }, { tokenFile: file })).toBe("wrj_file");
  expect(await readJoinToken({ environment }, { token: "-" }, Readable.from(["wrj_", "stdin\n"]))).toBe("wrj_stdin");
  expect(await readJoinToken({ environment }, {})).toBe("wrj_environment");
});

test("an endless stdin is refused", async () => {
  function* endless() {
    for (;;) yield "x".repeat(1_000);
  }
  await expect(readJoinToken(none, { token: "-" }, Readable.from(endless()))).rejects.toThrow("too long");
});

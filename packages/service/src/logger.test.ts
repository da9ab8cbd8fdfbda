import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";

const MODULE = JSON.stringify(new URL("./logger.ts", import.meta.url).href);
const SCRIPT = `import(${MODULE}).then(({ createLogger }) => createLogger({ component: "test" }).info({ token: "wrj_x", slots: 2 }, "it began"))`;
const ARGS = ["--import", "tsx", "-e", SCRIPT];

test("off a terminal the log is JSON, a line per event, without secrets", () => {
  const { stderr } = spawnSync(process.execPath, ARGS, { encoding: "utf8" });
  expect(JSON.parse(stderr)).toMatchObject({ level: "info", component: "test", msg: "it began", slots: 2 });
  expect(stderr).not.toContain("wrj_x");
});

test("on a terminal it is lines for people", () => {
  const words = [process.execPath, ...ARGS].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const shown = execFileSync("script", ["-qec", words, "/dev/null"], { encoding: "utf8" });
  expect(shown).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}test: it began token=\[?"?.*slots=2\r\n$/);
  expect(shown).not.toContain("wrj_x");
});

import { expect, test } from "vitest";
import { matchesCron, parseCron } from "./cron.ts";

test.each([
  "",
  "* * * *",
  "60 * * * *",
  "* 24 * * *",
  "* * 0 * *",
  "* * * 13 *",
  "* * * * 7",
  "5-1 * * * *",
  "*/0 * * * *",
  "a * * * *",
  "1,, * * * *",
  "@daily",
  "* * * * * *",
])("'%s' is explained", (text) => {
  expect(parseCron(text)).toEqual(expect.any(String));
});

/** Monday, 5 January, 5:30. */
const MOMENT = { minute: 30, hour: 5, dayOfMonth: 5, month: 1, dayOfWeek: 1 };

test.each([
  ["30 5 * * 1-5", true],
  ["*/15 * * * *", true],
  ["*/20 * * * *", false],
  ["10/10 * * * *", true],
  ["0,30 5 * jan mon", true],
  ["30 5 5 2 *", false],
  ["30 5 * * sun", false],
  // Both days written down: either is enough.
  ["30 5 5 * sun", true],
  ["30 5 6 * mon", true],
  ["30 5 6 * sun", false],
  ["30 5 6 * *", false],
])("'%s' names the moment: %s", (text, isNamed) => {
  const cron = parseCron(text);
  if (typeof cron === "string") throw new Error(cron);
  expect(matchesCron(cron, MOMENT)).toBe(isNamed);
});

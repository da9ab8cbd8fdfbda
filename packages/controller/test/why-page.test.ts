import { readFileSync } from "node:fs";
import { WAIT_CODES } from "@windrow/model";
import { expect, it } from "vitest";

const PAGE = new URL("../../docs/why-is-it-waiting.md", import.meta.url);

it("the manual's page on waiting has a row for every code, and for nothing else", () => {
  const codes = [...readFileSync(PAGE, "utf8").matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, code]) => code);
  expect(codes.toSorted(), `add or remove rows of the table in ${PAGE.pathname}`).toEqual([...WAIT_CODES].sort());
});

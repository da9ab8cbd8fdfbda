import { expect, test } from "vitest";
import { createPathTable } from "./path-table.ts";

const table = createPathTable([
  { machine: "/work/a1/job/tmp", seen: "/__w/_temp" },
  { machine: "/work/a1", seen: "/github/workflow" },
  { machine: "/work/a1/commands", seen: "/__w/_temp/_runner_file_commands" },
]);

test.each([
  ["/work/a1/job/tmp", "/__w/_temp"],
  ["/work/a1/job/tmp/x y", "/__w/_temp/x y"],
  ["/work/a1/commands/3-env", "/__w/_temp/_runner_file_commands/3-env"],
  ["/work/a1/event.json", "/github/workflow/event.json"],
])("%s is %s in the container, and back", (machine, seen) => {
  expect(table.show(machine)).toBe(seen);
  expect(table.find(seen)).toBe(machine);
});

test("a path that only begins like a folder keeps its name", () => {
  expect(table.show("/work/a10/event.json")).toBe("/work/a10/event.json");
  expect(table.find("/__w/_temporary")).toBe("/__w/_temporary");
});

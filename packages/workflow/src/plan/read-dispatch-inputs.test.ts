import type { InputDefinition } from "@windrow/model";
import { describe, expect, it } from "vitest";
import { readDispatchInputs } from "./read-dispatch-inputs.ts";

const input = (name: string, type: InputDefinition["type"], more: Partial<InputDefinition> = {}): InputDefinition => ({
  name,
  type,
  required: false,
  ...more,
});

const DEFINITIONS = [
  input("Name", "string", { required: true }),
  input("level", "choice", { options: ["low", "high"], default: "low" }),
  input("dry", "boolean"),
  input("count", "number", { default: 2 }),
  input("where", "environment"),
];

describe("inputs of a run started by hand", () => {
  it("have their types in `inputs`, and are texts in the event", () => {
    expect(readDispatchInputs(DEFINITIONS, { name: "x", dry: "true", count: "3", where: "production" })).toEqual({
      inputs: { Name: "x", level: "low", dry: true, count: 3, where: "production" },
      eventInputs: { Name: "x", level: "low", dry: "true", count: "3", where: "production" },
    });
  });

  it("are empty by their type where nobody gave them and there is no default", () => {
    const definitions = [input("s", "string"), input("b", "boolean"), input("n", "number"), input("c", "choice")];
    expect(readDispatchInputs(definitions, {})).toEqual({
      inputs: { s: "", b: false, n: 0, c: "" },
      eventInputs: { s: "", b: "false", n: "0", c: "" },
    });
    expect(readDispatchInputs([], {})).toEqual({ inputs: {}, eventInputs: {} });
  });

  it("may be given with their type", () => {
    expect(readDispatchInputs(DEFINITIONS, { Name: 5, dry: false, count: 0.5 })).toMatchObject({
      inputs: { Name: "5", dry: false, count: 0.5 },
    });
  });

  it.each<[string, { [name: string]: unknown }, string]>([
    ["a required one is missing", {}, "input 'Name' is required"],
    ["a required one is empty", { Name: "" }, "input 'Name' is required"],
    ["an unknown one", { Name: "x", nmae: "y" }, "there is no input 'nmae' (there are Name, level, dry, count, where)"],
    ["no option", { Name: "x", level: "middle" }, `input 'level' must be one of low, high, not "middle"`],
    ["no boolean", { Name: "x", dry: "yes" }, `input 'dry' must be true or false, not "yes"`],
    ["no number", { Name: "x", count: "many" }, `input 'count' must be a number, not "many"`],
    ["no simple value", { Name: { x: 1 } }, "input 'Name' must be a text, a number or a boolean"],
    ["too long", { Name: "x".repeat(65_536) }, "the inputs have more than 65535 characters"],
  ])("are refused by name: %s", (_, given, problem) => {
    expect(readDispatchInputs(DEFINITIONS, given)).toEqual({ problems: [problem] });
  });

  it("are refused all at once", () => {
    const read = readDispatchInputs(DEFINITIONS, { level: "x", dry: "x" });
    expect("problems" in read && read.problems).toHaveLength(3);
  });
});

import { expect, test } from "vitest";
import { wantedNames } from "./completion.ts";

test.each([
  [["run", "view", ""], "run"],
  [["run", "logs", "1"], "run"],
  [["run", "logs", "12", "-"], undefined],
  [["agent", "drain", "ag"], "agent"],
  [["agent", "list", ""], undefined],
  [["repo", "delete", ""], "repository"],
  [["run", "start", ""], undefined],
  [["ru"], undefined],
] as const)("after %j it offers names of %s", (words, kind) => expect(wantedNames(words)).toBe(kind));

import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { limitHashFiles } from "./limit-hash-files.ts";

it("gives all calls of one turn the time of one, and the next turn its own", async () => {
  const given: (number | undefined)[] = [];
  const slow = limitHashFiles({ workspaceDir: "/", msMax: 60 }, ({ msMax }) => {
    given.push(msMax);
    const until = performance.now() + 40;
    while (performance.now() < until);
    return "digest";
  });
  expect(slow(["a"])).toBe("digest");
  await Promise.resolve();
  expect(slow(["b"])).toBe("digest");
  expect(given[0]).toBe(60);
  expect(given[1]).toBeLessThanOrEqual(20);
  expect(() => slow(["c"])).toThrow("hashFiles(c): the calls before it took 60 ms");
  await setImmediate();
  expect(slow(["d"])).toBe("digest");
});

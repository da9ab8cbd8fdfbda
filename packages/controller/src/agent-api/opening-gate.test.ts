import { expect, test } from "vitest";
import { createOpeningGate } from "./opening-gate.ts";

test("only a few go through at once, the others in their turn, and who left meanwhile is passed over", async () => {
  const gate = createOpeningGate();
  const gates = Array.from({ length: 20 }, () => Promise.withResolvers<void>());
  const begun: number[] = [];
  const left = new AbortController();
  const passes = gates.map(({ promise }, no) =>
    gate.pass(
      () => {
        begun.push(no);
        return promise;
      },
      no === 5 ? left.signal : new AbortController().signal,
    ),
  );
  const refused = expect(passes[5]).rejects.toThrow("it hung up");
  await Promise.resolve();
  expect(begun).toEqual([0, 1, 2, 3]);
  left.abort(new Error("it hung up"));
  gates[2]?.resolve();
  await passes[2];
  gates[0]?.reject(new Error("this one failed"));
  await expect(passes[0]).rejects.toThrow("this one failed");
  await refused;
  for (const { resolve } of gates) resolve();
  await Promise.allSettled(passes);
  expect(begun).toEqual(gates.map((_, no) => no).filter((no) => no !== 5));
});

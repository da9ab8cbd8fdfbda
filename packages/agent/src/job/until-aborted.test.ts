import { expect, it } from "vitest";
import { untilAborted } from "./until-aborted.ts";

it("waits for work that minds no signal until the signal aborts, and no longer", async () => {
  const stop = new AbortController();
  let answer = (_text: string) => {};
  const work = new Promise<string>((resolve) => {
    answer = resolve;
  });
  const waits = untilAborted(stop.signal, work);
  stop.abort("cancelled");
  await expect(waits).rejects.toBe("cancelled");
  answer("late");
  await expect(untilAborted(new AbortController().signal, work)).resolves.toBe("late");
  await expect(untilAborted(stop.signal, Promise.reject(new Error("nobody listens")))).rejects.toBe("cancelled");
});

import { expect, it } from "vitest";
import { createSlots } from "./slots.ts";

const never = new AbortController().signal;

it("lets so many in at a time, the others in order, and refuses when the line is full", async () => {
  const slots = createSlots({ what: "pushes", max: 1, lineMax: 2 });
  const order: number[] = [];
  const enter = async (no: number): Promise<() => void> => {
    const giveBack = await slots.take(never);
    order.push(no);
    return giveBack;
  };
  const first = await slots.take(never);
  const second = enter(2);
  const third = enter(3);
  await expect(slots.take(never)).rejects.toMatchObject({ code: "too_many", message: "too many pushes at once" });
  first();
  first();
  (await second)();
  (await third)();
  expect(order).toEqual([2, 3]);
  (await slots.take(never))();
});

it("forgets who leaves the line", async () => {
  const slots = createSlots({ what: "pushes", max: 1, lineMax: 1 });
  const first = await slots.take(never);
  const leaving = new AbortController();
  const left = slots.take(leaving.signal);
  leaving.abort();
  await expect(left).rejects.toMatchObject({ code: "too_many" });
  const next = slots.take(never);
  first();
  (await next)();
});

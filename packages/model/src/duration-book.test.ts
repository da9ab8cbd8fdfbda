import { expect, it } from "vitest";
import { createDurationBook, DURATION_MS_DEFAULT, expectLeft } from "./duration-book.ts";
import { asRepositoryId } from "./ids.ts";

const repositoryId = asRepositoryId(1);
const record = (durationMs: number, key = "test", pool = "python") => ({ repositoryId, key, pool, durationMs });

it("says how long a job takes by those like it, else by its pool, else by a default", () => {
  const book = createDurationBook([3, 1, 2, 10].map((ms) => record(ms)));
  expect(book.expect({ repositoryId, key: "test", pool: "python" }, 50)).toBe(2);
  expect(book.expect({ repositoryId, key: "test", pool: "python" }, 95)).toBe(10);
  expect(book.expect({ repositoryId, key: "other", pool: "python" }, 50)).toBe(2);
  expect(book.expect({ repositoryId, key: "other", pool: "go" }, 50)).toBe(DURATION_MS_DEFAULT);
});

it("looks at the newest fifty of a job", () => {
  const book = createDurationBook([...Array.from({ length: 50 }, () => record(1)), record(99)]);
  expect(book.expect({ repositoryId, key: "test", pool: "python" }, 100)).toBe(1);
});

it("knows where a job ran the last time", () => {
  const book = createDurationBook([record(1, "test", "go"), record(1, "test", "python")]);
  expect(book.lastPool({ repositoryId, key: "test" })).toBe("go");
  expect(book.lastPool({ repositoryId, key: "lint" })).toBeUndefined();
});

it("expects a job that takes longer than usual to take longer still", () => {
  expect([expectLeft(100, 30), expectLeft(100, 400)]).toEqual([70, 100]);
});

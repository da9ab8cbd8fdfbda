import { expect, test } from "vitest";
import { splitWords } from "./split-words.ts";

test.each([
  ["", []],
  ["  \n ", []],
  ["redis-server --appendonly yes", ["redis-server", "--appendonly", "yes"]],
  [`-c "fsync = off" 'a b'c`, ["-c", "fsync = off", "a bc"]],
  [`"say \\"hi\\"" \\'x '' "\\n"`, [`say "hi"`, "'x", "", "\\n"]],
])("%s", (text, words) => {
  expect(splitWords(text)).toEqual(words);
});

import assert from "node:assert/strict";
import { countWords } from "../src/count-words.mjs";

const cases = [
  ["an empty text has no words", "", 0],
  ["blanks alone are no words", " \n\t ", 0],
  ["words are separated by any blanks", "hay,  straw\nand\tchaff", 4],
  ["umlauts belong to words", "Heu für Kühe", 3],
];

for (const [name, text, expected] of cases) {
  assert.equal(countWords(text), expected, name);
  console.log(`ok ${name}`);
}

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** How many words a text has; a word is what stands between blanks. */
export function countWords(text) {
  return text.split(/\s+/).filter((word) => word !== "").length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [file] = process.argv.slice(2);
  console.log(countWords(readFileSync(file, "utf8")));
}

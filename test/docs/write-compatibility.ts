import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatCompatibilityPage } from "@windrow/workflow";

/** `npm run docs:compatibility`: writes the page of the manual from the table. */
const page = join(dirname(fileURLToPath(import.meta.url)), "../../packages/docs/compatibility.md");
writeFileSync(page, formatCompatibilityPage());
process.stdout.write(`${page}\n`);

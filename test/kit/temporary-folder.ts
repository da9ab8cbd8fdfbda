import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

/** A folder that is removed when the tests' process ends; kept when WINDROW_TEST_KEEP is set. */
export function createTemporaryFolder(prefix: string): string {
  if (made.length === 0 && process.env.WINDROW_TEST_KEEP === undefined) {
    process.once("exit", () => {
      for (const dir of made) rmSync(dir, { recursive: true, force: true });
    });
  }
  const dir = mkdtempSync(join(tmpdir(), prefix));
  made.push(dir);
  return dir;
}

import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { reachablePath } from "./reachable-path.ts";

it("leaves out folders that other users cannot walk to", () => {
  const dir = mkdtempSync(join(tmpdir(), "windrow-path-"));
  try {
    chmodSync(dir, 0o711);
    mkdirSync(join(dir, "open"));
    mkdirSync(join(dir, "hidden/bin"), { recursive: true });
    chmodSync(join(dir, "hidden"), 0o700);
    const path = ["/usr/bin", join(dir, "open"), join(dir, "hidden/bin"), join(dir, "later"), "here"].join(":");
    expect(reachablePath(path)).toBe(`/usr/bin:${dir}/open:${dir}/later`);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

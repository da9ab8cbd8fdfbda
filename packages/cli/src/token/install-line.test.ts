import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { installLine } from "./install-line.ts";

const install = { script_url: "https://farm:7443/install.sh", script_sha256: "ab".repeat(32) };

test("a script that the machine can check by itself is run as it comes", () => {
  expect(installLine({ ...install, is_pinned: false }, "wrj_x")).toBe(
    "curl -fsSL https://farm:7443/install.sh | WINDROW_JOIN_TOKEN=wrj_x sh -s --",
  );
});

test("a script from a farm with an authority of its own is compared with its checksum before it runs", () => {
  expect(installLine({ ...install, is_pinned: true }, "wrj_x")).toBe(
    `rm -f windrow-install.sh && (set -C; curl -fsSk https://farm:7443/install.sh > windrow-install.sh) && echo "${"ab".repeat(32)}  windrow-install.sh" | sha256sum -c && WINDROW_JOIN_TOKEN=wrj_x sh windrow-install.sh`,
  );
});

test("a file that somebody else put in the way is not written to, and nothing of it runs", async () => {
  const dir = await mkdtemp(join(tmpdir(), "windrow-line-"));
  try {
    // in place of curl: others win the race for the file's name
    await writeFile(join(dir, "curl"), "#!/bin/sh\necho from the farm\n", { mode: 0o755 });
    await writeFile(join(dir, "rm"), "#!/bin/sh\necho 'echo theirs' > windrow-install.sh\n", { mode: 0o755 });
    const line = installLine({ ...install, is_pinned: true }, "wrj_x");
    const env = { PATH: `${dir}:/usr/bin:/bin` };
    const ended = await promisify(execFile)("sh", ["-c", line], { cwd: dir, env }).catch((error: unknown) => error);
    expect(ended).toMatchObject({ code: expect.any(Number), stdout: "" });
    expect(await readFile(join(dir, "windrow-install.sh"), "utf8")).toBe("echo theirs\n");
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CliError } from "../cli-error.ts";
import { prepareDataFolder } from "./data-folder.ts";

const NOBODY = 65_534;
let base = "";

beforeAll(() => {
  base = mkdtempSync(path.join(tmpdir(), "windrow-data-folder-"));
  chmodSync(base, 0o755);
  writeFileSync(path.join(base, "file"), "");
  symlinkSync("nowhere", path.join(base, "dangling"));
  symlinkSync("circle", path.join(base, "circle"));
  mkdirSync(path.join(base, "closed"), { mode: 0o555 });
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

function refusal(dataDir: string): CliError {
  try {
    prepareDataFolder(dataDir);
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
  throw new Error(`${dataDir} was made`);
}

describe("the data folder", () => {
  it.each([
    ["/proc/x", /^the folder \/proc\/x cannot be made: no folder can be made there$/],
    ["/proc/x/y", /cannot be made: no folder can be made there$/],
    ["file", /cannot be made: .*\/file is a file, not a folder$/],
    ["file/below", /cannot be made: .*\/file is a file, not a folder$/],
    ["file/far/below", /cannot be made: .*\/file is a file, not a folder$/],
    ["dangling", /cannot be made: the system answers EEXIST$/],
    ["circle", /cannot be made: its links lead in a circle$/],
    ["x".repeat(300), /cannot be made: the name is too long$/],
  ])("is refused in one sentence as wrong usage: %s", (name, sentence) => {
    const error = refusal(path.resolve(base, name));
    expect(error.message).toMatch(sentence);
    expect(error.exitCode).toBe(3);
    expect(error.hint).toContain("--data");
  });

  it("is made with all that is missing above it, and made again without harm", () => {
    const dataDir = path.join(base, "a", "b", "c");
    const { root, logs } = prepareDataFolder(dataDir);
    expect(prepareDataFolder(dataDir).root).toBe(root);
    expect(statSync(dataDir).mode & 0o777).toBe(0o711);
    expect(statSync(logs).mode & 0o777).toBe(0o700);
  });

  it("is refused where its user may not write, and `up` ends with exit code 3", async () => {
    const windrow = fileURLToPath(new URL("../../bin/windrow.cjs", import.meta.url));
    const isRoot = process.getuid?.() === 0;
    const mounted = path.join(base, "closed");
    for (const dataDir of ["/proc/x", ...(isRoot ? ["/sys/x"] : [mounted])]) {
      const child = spawn(process.execPath, [windrow, "up", "--data", dataDir, "--json"], { stdio: "pipe" });
      let text = "";
      child.stdout.on("data", (bytes) => {
        text += String(bytes);
      });
      const code = await new Promise((resolve) => child.once("exit", resolve));
      expect(code, text).toBe(3);
      expect(JSON.parse(text)).toMatchObject({ event: "error", message: expect.stringContaining(dataDir) });
    }
  });

  it.runIf(process.getuid?.() === 0)("is refused in a folder of somebody else's", () => {
    const script = `import { prepareDataFolder } from ${JSON.stringify(new URL("./data-folder.ts", import.meta.url).href)};
      try { prepareDataFolder(process.argv[1]); } catch (error) { console.log(error.message); }`;
    const run = (dataDir: string) =>
      execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script, dataDir], {
        uid: NOBODY,
        gid: NOBODY,
        env: { ...process.env, HOME: "/nonexistent", TSX_DISABLE_CACHE: "1" },
        encoding: "utf8",
      }).trim();
    const closed = path.join(base, "closed");
    expect(run(closed)).toBe(`the folder ${closed} cannot be written to: you may not write there`);
    expect(run(path.join(closed, "x"))).toBe(
      `the folder ${path.join(closed, "x")} cannot be made: you may not write there`,
    );
  });
});

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Farm } from "./farm.ts";

const run = promisify(execFile);
const BUILDER = fileURLToPath(
  new URL("../../packages/controller/src/install/build-bundles-process.ts", import.meta.url),
);
const BARE = "/usr/bin:/bin";

export interface BuiltBundle {
  readonly version: string;
  readonly sha256: string;
}

/** Builds the agent's bundle as a release of this number, where the farm's controllers look for bundles. */
export async function buildBundle(farm: Farm, release: string): Promise<BuiltBundle> {
  const { stdout } = await run(process.execPath, [BUILDER, bundlesDir(farm), release]);
  const [bundle]: BuiltBundle[] = JSON.parse(stdout);
  if (bundle === undefined) throw new Error("no bundle was built");
  return bundle;
}

export const bundlesDir = (farm: Farm): string => join(farm.dir, "data", "install");

/** An agent that was installed from a bundle and runs under its launcher, on a bare PATH. */
export interface InstalledAgent {
  readonly baseDir: string;
  readonly launcher: ChildProcess;
  /** The agent's own process. */
  pid(): number;
  version(): string;
  log(): string;
  stop(): Promise<void>;
}

/** Installs a bundle as `install.sh` does, joins, and runs it. */
export async function installAgent(
  farm: Farm,
  options: { readonly name: string; readonly bundle: BuiltBundle },
): Promise<InstalledAgent> {
  const { name, bundle } = options;
  const baseDir = join(farm.dir, "installed", name);
  const stateDir = join(baseDir, "state");
  const place = join(baseDir, "versions", bundle.version);
  mkdirSync(place, { recursive: true });
  await run("tar", ["-xzf", join(bundlesDir(farm), `${bundle.sha256}.tar.gz`), "-C", place]);
  symlinkSync(`versions/${bundle.version}`, join(baseDir, "current"));
  const settings = { WINDROW_URL: farm.url, WINDROW_AGENT_DIR: stateDir, WINDROW_AGENT_NAME: name };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(baseDir, "agent.env"), lines.join(""));
  const program = join(baseDir, "current", "windrow-agent");
  await run(program, ["join"], { env: { PATH: BARE, WINDROW_JOIN_TOKEN: await farm.joinToken() } });
  const logFile = join(baseDir, "log");
  const launcher = spawn(program, ["run"], { env: { PATH: BARE }, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const log = createWriteStream(logFile, { flags: "a" });
  launcher.stdout.pipe(log, { end: false });
  launcher.stderr.pipe(log, { end: false });
  return {
    baseDir,
    launcher,
    pid: () => Number(readFileSync(join(stateDir, "agent.pid"), "utf8").split(" ")[0]),
    version: () => basename(realpathSync(join(baseDir, "current"))),
    log: () => (existsSync(logFile) ? readFileSync(logFile, "utf8") : ""),
    async stop() {
      if (launcher.exitCode !== null || launcher.signalCode !== null) return;
      const ended = once(launcher, "exit");
      launcher.kill("SIGTERM");
      launcher.kill("SIGHUP");
      await ended;
    },
  };
}

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { access, constants } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import Docker from "dockerode";

/** A Docker engine of the test's own, with one small image in it. */
export interface TestEngine {
  /** `unix:///…` */
  readonly socket: string;
  readonly docker: Docker;
  /** Has `/bin/sh` and `/bin/sleep`. */
  readonly image: string;
  readonly dir: string;
  /** Ends the engine and every container of it. */
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 30_000;
const STOP_GRACE_MS = 20_000;
const LOOK_EVERY_MS = 100;
/** Where the engine and the programs it starts are. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const IMAGE = "windrow-test:1";
const run = promisify(execFile);

/** Why an engine cannot be started here; undefined when it can. */
export async function whyNoTestEngine(): Promise<string | undefined> {
  if (process.platform !== "linux") return "a Docker engine of the tests' own needs Linux";
  if (process.getuid?.() !== 0) return "a Docker engine of the tests' own needs root";
  if ((await findDockerd()) === undefined) return "there is no dockerd here (Debian: docker.io)";
  return undefined;
}

/** Starts an engine that shares nothing with any other: no bridge, no firewall rules, all of it in a folder of its own. */
export async function startTestEngine(): Promise<TestEngine> {
  const dockerd = await findDockerd();
  if (dockerd === undefined) throw new Error("there is no dockerd");
  const dir = mkdtempSync(join(tmpdir(), "windrow-engine-"));
  const socketFile = join(dir, "docker.sock");
  const log = openSync(join(dir, "dockerd.log"), "a");
  const argv = ["--data-root", join(dir, "data"), "--exec-root", join(dir, "exec"), "--pidfile", join(dir, "pid")];
  const network = ["--bridge=none", "--iptables=false", "--ip6tables=false"];
  const child = spawn(dockerd, [...argv, ...network, "-H", `unix://${socketFile}`], {
    stdio: ["ignore", log, log],
    env: { PATH },
  });
  const docker = new Docker({ socketPath: socketFile });
  const stop = async () => {
    await removeContainers(docker);
    await end(child);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await untilReady(docker, child, join(dir, "dockerd.log"));
    await importImage(docker, dir);
  } catch (error) {
    await end(child);
    throw error;
  }
  return { socket: `unix://${socketFile}`, docker, image: IMAGE, dir, stop };
}

async function findDockerd(): Promise<string | undefined> {
  for (const folder of PATH.split(delimiter)) {
    const file = join(folder, "dockerd");
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}

async function untilReady(docker: Docker, child: ChildProcess, logFile: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < READY_WITHIN_MS; waitedMs += LOOK_EVERY_MS) {
    if (child.exitCode !== null) break;
    const isReady = await docker.ping().then(
      () => true,
      () => false,
    );
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new Error(`dockerd did not start: ${readFileSync(logFile, "utf8").slice(-1_000)}`);
}

/** Nothing can be pulled in tests: the image is made of this machine's own shell. */
async function importImage(docker: Docker, dir: string): Promise<void> {
  const root = join(dir, "image");
  for (const program of ["/bin/sh", "/bin/sleep", "/bin/cat"]) {
    const { stdout } = await run("ldd", [program]);
    for (const file of [program, ...[...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "")]) {
      mkdirSync(join(root, dirname(file)), { recursive: true });
      copyFileSync(file, join(root, file));
    }
  }
  mkdirSync(join(root, "run"), { recursive: true });
  const archive = join(dir, "image.tar");
  await run("tar", ["-C", root, "-cf", archive, "."]);
  const [repo = "", tag = ""] = IMAGE.split(":");
  const entry = ["/bin/sh", "-c", "trap 'exit 0' TERM; echo working; sleep 600 & wait"];
  const changes = `ENTRYPOINT ${JSON.stringify(entry)}`;
  const stream = await docker.importImage(archive, { repo, tag, changes });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)));
  });
}

async function removeContainers(docker: Docker): Promise<void> {
  for (const { Id } of await docker.listContainers({ all: true })) {
    await docker.getContainer(Id).remove({ force: true, v: true });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
  await gone;
  clearTimeout(killer);
}

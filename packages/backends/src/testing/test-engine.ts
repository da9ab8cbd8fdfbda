import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { findProgram, PROGRAM_PATH } from "./find-program.ts";
import { importTestImage, type TestImage } from "./test-images.ts";
import { createTestNetwork, type TestNetwork } from "./test-network.ts";

/** A Docker engine of the test's own. */
export interface TestEngine {
  /** `unix:///…` */
  readonly socket: string;
  readonly docker: Docker;
  readonly dir: string;
  /** Where the engine's bridges and its `127.0.0.1` are; undefined for an engine without networks. */
  readonly network: TestNetwork | undefined;
  /** More images than were asked for at the start. */
  addImage(image: TestImage): Promise<void>;
  /** Ends the engine and every container of it. */
  stop(): Promise<void>;
}

export interface TestEngineOptions {
  /** Bridges and firewall rules, in a network namespace of its own. Without, containers have a loopback at most. */
  readonly networks?: boolean;
  /** `shell` unless told. */
  readonly images?: readonly TestImage[];
}

const READY_WITHIN_MS = 30_000;
const STOP_GRACE_MS = 20_000;
const LOOK_EVERY_MS = 100;

/** Why an engine cannot be started here; undefined when it can. */
export async function whyNoTestEngine(): Promise<string | undefined> {
  if (process.platform !== "linux") return "a Docker engine of the tests' own needs Linux";
  if (process.getuid?.() !== 0) return "a Docker engine of the tests' own needs root";
  if (findProgram("dockerd") === undefined) return "there is no dockerd here (Debian: docker.io)";
  return undefined;
}

/** Starts an engine that shares nothing with any other: all of it is in a folder and a namespace of its own. */
export async function startTestEngine(options: TestEngineOptions = {}): Promise<TestEngine> {
  const { networks = false, images = ["shell"] } = options;
  const dir = mkdtempSync(join(tmpdir(), "windrow-engine-"));
  const network = networks ? createTestNetwork() : undefined;
  const child = startDockerd(dir, network);
  const docker = new Docker({ socketPath: join(dir, "docker.sock") });
  const end = async () => {
    await endChild(child);
    network?.remove();
  };
  try {
    await untilReady(docker, child, join(dir, "dockerd.log"));
    for (const image of images) await importTestImage(docker, image);
  } catch (error) {
    await end();
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  return {
    socket: `unix://${join(dir, "docker.sock")}`,
    docker,
    dir,
    network,
    addImage: (image) => importTestImage(docker, image),
    async stop() {
      await removeContainers(docker);
      await end();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function startDockerd(dir: string, network: TestNetwork | undefined): ChildProcess {
  const dockerd = findProgram("dockerd");
  if (dockerd === undefined) throw new Error("there is no dockerd");
  const folders = ["--data-root", join(dir, "data"), "--exec-root", join(dir, "exec"), "--pidfile", join(dir, "pid")];
  const isolation = network === undefined ? ["--bridge=none", "--iptables=false", "--ip6tables=false"] : [];
  const socket = ["-H", `unix://${join(dir, "docker.sock")}`];
  // a test process that is killed takes its engine along
  const [program = "", ...args] = ["setpriv", "--pdeathsig", "TERM", ...(network?.enter ?? []), dockerd];
  const log = openSync(join(dir, "dockerd.log"), "a");
  try {
    const stdio: ["ignore", number, number] = ["ignore", log, log];
    return spawn(program, [...args, ...folders, ...isolation, ...socket], { stdio, env: { PATH: PROGRAM_PATH } });
  } finally {
    closeSync(log);
  }
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

async function removeContainers(docker: Docker): Promise<void> {
  for (const { Id } of await docker.listContainers({ all: true })) {
    await docker.getContainer(Id).remove({ force: true, v: true });
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
  await gone;
  clearTimeout(killer);
}

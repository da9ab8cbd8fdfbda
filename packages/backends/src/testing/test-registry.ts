import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { RegistryCredentials } from "../docker/container-engine.ts";
import { findProgram, PROGRAM_PATH } from "./find-program.ts";
import type { TestEngine } from "./test-engine.ts";
import { TEST_IMAGES, type TestImage } from "./test-images.ts";

/** A registry beside a test engine, on the loopback that the engine sees. */
export interface TestRegistry {
  /** `127.0.0.1:PORT`, as image names begin. */
  readonly host: string;
  /** Puts an image of the engine into the registry and takes it out of the engine. The name to pull it by. */
  publish(image: TestImage, name: string): Promise<string>;
  stop(): Promise<void>;
}

const PORT = 5000;
const READY_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 50;
const run = promisify(execFile);

/** Why a registry cannot be started here; undefined when it can. */
export function whyNoTestRegistry(): string | undefined {
  return findProgram("docker-registry") === undefined
    ? "there is no registry here (Debian: docker-registry)"
    : undefined;
}

/** Starts a registry that only `credentials` open, where there are some. The engine must have networks. */
export async function startTestRegistry(
  engine: TestEngine,
  { port = PORT, credentials }: { readonly port?: number; readonly credentials?: RegistryCredentials } = {},
): Promise<TestRegistry> {
  const dir = join(engine.dir, `registry-${port}`);
  mkdirSync(dir);
  writeFileSync(join(dir, "config.yml"), encodeConfig(dir, port, credentials));
  if (credentials !== undefined) writeFileSync(join(dir, "htpasswd"), await encodePassword(credentials));
  const command = ["setpriv", "--pdeathsig", "TERM", ...(engine.network?.enter ?? []), "docker-registry", "serve"];
  const [program = "", ...args] = [...command, join(dir, "config.yml")];
  const child = spawn(program, args, { stdio: "ignore", env: { PATH: PROGRAM_PATH } });
  const host = `127.0.0.1:${port}`;
  const auth = credentials === undefined ? undefined : { ...credentials, serveraddress: host };
  const publish = async (image: TestImage, name: string) => {
    const repo = `${host}/${name}`;
    await engine.docker.getImage(TEST_IMAGES[image]).tag({ repo, tag: "1" });
    const published = engine.docker.getImage(`${repo}:1`);
    await follow(
      engine,
      await published.push({ authconfig: auth ?? { username: "", password: "", serveraddress: host } }),
    );
    await published.remove();
    return `${repo}:1`;
  };
  try {
    await untilReady(child, port, engine);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return { host, publish, stop: () => end(child) };
}

function encodeConfig(dir: string, port: number, credentials: RegistryCredentials | undefined): string {
  return [
    "version: 0.1",
    "log: {level: error}",
    `storage: {filesystem: {rootdirectory: ${join(dir, "data")}}, delete: {enabled: true}}`,
    `http: {addr: "127.0.0.1:${port}", secret: ${randomBytes(8).toString("hex")}}`,
    ...(credentials === undefined ? [] : [`auth: {htpasswd: {realm: test, path: ${join(dir, "htpasswd")}}}`]),
    "",
  ].join("\n");
}

/** A line of the password file; the C library knows the only kind of hash that the registry takes. */
async function encodePassword({ username, password }: RegistryCredentials): Promise<string> {
  const script = 'print crypt($ARGV[0], q($2b$05$) . "abcdefghijklmnopqrstuu")';
  const { stdout } = await run("perl", ["-e", script, password]);
  return `${username}:${stdout}\n`;
}

async function follow(engine: TestEngine, stream: NodeJS.ReadableStream): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    engine.docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)));
  });
}

async function untilReady(child: ChildProcess, port: number, engine: TestEngine): Promise<void> {
  const probe = `exec 3<>/dev/tcp/127.0.0.1/${port}`;
  const [program = "", ...args] = [...(engine.network?.enter ?? []), "bash", "-c", probe];
  for (let waitedMs = 0; waitedMs < READY_WITHIN_MS; waitedMs += LOOK_EVERY_MS) {
    if (child.exitCode !== null) break;
    const isReady = await run(program, args).then(
      () => true,
      () => false,
    );
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new Error("the registry did not start");
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

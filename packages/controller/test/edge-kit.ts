import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createFolderBlobStore } from "@windrow/blobs";
import { openAuthority } from "@windrow/certificates";
import type { Role } from "@windrow/contract";
import { startTestPostgres } from "@windrow/embedded/testing";
import { asAgentId } from "@windrow/model";
import { createLogger, systemClock } from "@windrow/service";
import {
  type Database,
  findOpenAttemptByJobToken,
  insertAgent,
  insertToken,
  migrate,
  openDatabase,
} from "@windrow/store";
import { createParseWorker } from "@windrow/workflow";
import { Registry } from "prom-client";
import { NO_ACTION_SOURCES } from "../src/actions/action-rules.ts";
import { openActionTrees } from "../src/actions/action-trees.ts";
import { createActions } from "../src/actions/create-actions.ts";
import { type GitEnvironment, prepareGitEnvironment } from "../src/git/git-environment.ts";
import { createReaderPool } from "../src/git/reader-pool.ts";
import { createAuthenticator } from "../src/http-api/authenticate.ts";
import { createHttpServer } from "../src/http-api/create-http-server.ts";
import type { FarmPort } from "../src/http-api/farm-port.ts";
import { createLinks } from "../src/http-api/present/present-run.ts";
import { createTokenSecret } from "../src/http-api/token-secret.ts";
import { createAgentBundles } from "../src/install/agent-bundles.ts";
import { createInstaller } from "../src/install/create-installer.ts";
import type { BuildPushDeps } from "../src/intake/build-push.ts";
import { createIntake, type Intake } from "../src/intake/create-intake.ts";
import { createRunTexts } from "../src/runs/run-texts.ts";

/** The controller's edge on a real database and real git: everything but dispatch, agents and logs. */
export interface Edge {
  readonly db: Database;
  readonly url: string;
  readonly connectionString: string;
  readonly dataDir: string;
  readonly intake: Intake;
  /** For passes that a test makes itself. */
  readonly intakeDeps: BuildPushDeps;
  readonly environment: GitEnvironment;
  /** What FarmPort was asked, in order. */
  readonly asked: { readonly name: string; readonly request: unknown }[];
  makeToken(options?: { readonly role?: Role; readonly owner?: string; readonly name?: string }): Promise<string>;
  addAgent(labels: readonly string[]): Promise<void>;
  api(method: string, path: string, options?: { readonly token?: string; readonly body?: unknown }): Promise<Response>;
  /** The answer's document, which the test says the shape of. */
  json<T>(method: string, path: string, options?: { readonly token?: string; readonly body?: unknown }): Promise<T>;
  /** A new work tree with these files committed on main. */
  makeWorkTree(files: Readonly<Record<string, string>>): Promise<WorkTree>;
  stop(): Promise<void>;
}

export interface WorkTree {
  readonly dir: string;
  git(...argv: string[]): Promise<GitResult>;
  commit(files: Readonly<Record<string, string>>, message?: string): Promise<string>;
  /** Pushes to /git/me/`name`.git of the farm. */
  push(options: {
    readonly token: string;
    readonly name: string;
    readonly args?: readonly string[];
    readonly refspecs?: readonly string[];
    /** Kills git. */
    readonly signal?: AbortSignal;
  }): Promise<GitResult>;
}

export interface GitResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function startEdge(
  options: {
    readonly farm?: Partial<FarmPort>;
    /** PEM of the authority that the script for new agents is to trust. */
    readonly shownAuthority?: string;
    /** A second controller on the same database and data folder. */
    readonly sharedWith?: Edge;
  } = {},
): Promise<Edge> {
  const { sharedWith } = options;
  const connectionString =
    sharedWith?.connectionString ?? (await (await startTestPostgres()).createDatabase()).connectionString;
  const db = openDatabase({ connectionString, onError: () => undefined });
  await migrate(db);
  const dataDir = sharedWith?.dataDir ?? (await mkdtemp(join(tmpdir(), "windrow-edge-")));
  const clock = systemClock;
  const logger = createLogger({ component: "edge-test", level: process.env.EDGE_TEST_LOG ?? "fatal" });
  const environment = await prepareGitEnvironment({ dataDir, path: process.env.PATH ?? "", nowMs: Date.now() });
  const reader = createReaderPool(environment);
  const parser = createParseWorker();
  const trees = await openActionTrees({ dir: join(dataDir, "actions"), environment, clock });
  const asked: { name: string; request: unknown }[] = [];
  const url = (): string => `http://127.0.0.1:${server.port}`;
  const links = createLinks(url);
  const intakeDeps: BuildPushDeps = {
    db,
    clock,
    reader,
    environment,
    parser,
    actions: createActions({ db, environment, trees, logger, settings: NO_ACTION_SOURCES }),
    texts: createRunTexts(),
    publicUrl: url,
    tell: () => undefined,
  };
  const intake = createIntake({ ...intakeDeps, logger, runUrl: links.runUrl });
  const tell = (name: string) => async (request: unknown) => {
    asked.push({ name, request });
  };
  const farm: FarmPort = {
    cancel: tell("cancel"),
    rerun: tell("rerun"),
    drainAgent: tell("drainAgent"),
    removeAgent: tell("removeAgent"),
    wakeDispatch: () => undefined,
    issueNatsJwt: async () => "jwt",
    waitForRunChange: (_runId, signal) => clock.sleep(50, signal),
    readLog: async function* () {},
    tailLog: async function* () {},
    check: async () => [{ name: "database", state: "ok", detail: "answers" }],
    ...options.farm,
  };
  const installer = createInstaller({
    bundles: createAgentBundles({ dir: join(dataDir, "install"), packageVersion: "0.0.1", clock, logger }),
    packageVersion: "0.0.1",
    publicUrl: url,
    authority: options.shownAuthority,
  });
  const server = createHttpServer({
    db,
    clock,
    logger,
    intake,
    gate: intake.gate,
    blobs: await createFolderBlobStore(join(dataDir, "blobs")),
    environment,
    reader,
    farm,
    links,
    metrics: new Registry(),
    version: "0.0.0-test",
    installer,
    upgrades: { tellDrains: () => undefined },
    grpcAddress: () => "127.0.0.1:1",
    natsUrls: ["nats://127.0.0.1:2"],
    authenticator: createAuthenticator({ db, clock, findJobToken: (hash) => findOpenAttemptByJobToken(db, hash) }),
    authority: await openAuthority(join(dataDir, "tls"), clock.nowMs()),
    host: "127.0.0.1",
    port: 0,
  });
  await server.start();
  await intake.start();

  const edge: Edge = {
    db,
    get url() {
      return url();
    },
    connectionString,
    dataDir,
    intake,
    intakeDeps,
    environment,
    asked,
    async makeToken({ role = "developer", owner, name = "tester" } = {}) {
      const { secret, hash, prefix } = createTokenSecret("wru");
      const more = owner === undefined ? {} : { owner };
      await insertToken(db, { id: randomUUID(), kind: "user", name, role, hash, prefix, createdBy: "test", ...more });
      return secret;
    },
    async addAgent(labels) {
      await insertAgent(db, {
        id: asAgentId(randomUUID()),
        name: `agent-${randomUUID().slice(0, 8)}`,
        pool: "default",
        labels,
        slots: 1,
        publicKey: randomBytes(91),
        certificateExpiresAt: new Date(Date.now() + 86_400_000),
        natsPublicKey: "U",
        hostname: "test",
        version: "0",
        joinedWith: null,
      });
    },
    api(method, path, { token, body } = {}) {
      return fetch(`${url()}${path}`, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    },
    async json<T>(method: string, path: string, options?: { readonly token?: string; readonly body?: unknown }) {
      const found: T = JSON.parse(await (await edge.api(method, path, options)).text());
      return found;
    },
    makeWorkTree: (files) => makeWorkTree(join(dataDir, "trees"), url(), files),
    async stop() {
      await server.stop();
      await intake.stop();
      reader.closeAll();
      await parser.close();
      await db.destroy();
      if (sharedWith === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
  return edge;
}

export async function makeWorkTree(
  parent: string,
  url: string,
  files: Readonly<Record<string, string>>,
): Promise<WorkTree> {
  await mkdir(parent, { recursive: true });
  const dir = await mkdtemp(join(parent, "tree-"));
  const git = (...argv: string[]) => runGit(dir, argv);
  const tree: WorkTree = {
    dir,
    git,
    async commit(more, message = "change something") {
      for (const [path, text] of Object.entries(more)) {
        await mkdir(dirname(join(dir, path)), { recursive: true });
        await writeFile(join(dir, path), text);
      }
      await git("add", "-A");
      await git("commit", "-q", "--allow-empty", "-m", message);
      return (await git("rev-parse", "HEAD")).stdout.trim();
    },
    push({ token, name, args = [], refspecs = ["main"], signal }) {
      const path = name.includes("/") ? name : `me/${name}`;
      const remote = `${url.replace("://", `://t:${token}@`)}/git/${path}.git`;
      return runGit(dir, ["push", ...args, remote, ...refspecs], signal);
    },
  };
  await git("init", "-q", "-b", "main");
  if (Object.keys(files).length > 0) await tree.commit(files, "first");
  return tree;
}

function runGit(cwd: string, argv: readonly string[], signal?: AbortSignal): Promise<GitResult> {
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: cwd,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_AUTHOR_NAME: "Ada",
    GIT_AUTHOR_EMAIL: "ada@example.org",
    GIT_COMMITTER_NAME: "Ada",
    GIT_COMMITTER_EMAIL: "ada@example.org",
  };
  return new Promise((resolve, reject) => {
    // a group of its own, since git has helpers: a signal at the terminal reaches them all
    const child = spawn("git", argv, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const end = (): void => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
    };
    const timer = setTimeout(end, 25_000);
    signal?.addEventListener("abort", end, { once: true });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, stdout, stderr });
    });
  });
}

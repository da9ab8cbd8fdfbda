import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startTestPostgres } from "@windrow/embedded/testing";
import { createLogger, systemClock } from "@windrow/service";
import { type Database, ensureRepository, inTransaction, migrate, openDatabase } from "@windrow/store";
import type { ActionSettings } from "../src/actions/action-rules.ts";
import { type ActionTreesOptions, openActionTrees } from "../src/actions/action-trees.ts";
import { type Actions, createActions } from "../src/actions/create-actions.ts";
import { type GitEnvironment, prepareGitEnvironment } from "../src/git/git-environment.ts";
import { startHttpBackend } from "../src/git/http-backend.ts";

/** An action's repository: two commits, the branches main and next, a plain and an annotated tag. */
export interface ActionRepository {
  readonly folder: string;
  readonly first: string;
  readonly second: string;
}

/** A database with a run, git repositories, and a git server: what actions are resolved with. */
export class ActionsKit {
  readonly dir = mkdtempSync(join(tmpdir(), "windrow-actions-"));
  readonly mirrorDir = join(this.dir, "mirrors");
  db!: Database;
  environment!: GitEnvironment;
  serverUrl = "";
  /** Requests that the git server got. */
  served = 0;
  #server: Server | undefined;
  #runCount = 0;

  async start(): Promise<void> {
    const postgres = await startTestPostgres();
    const { connectionString } = await postgres.createDatabase();
    this.db = openDatabase({ connectionString, connectionsMax: 4, onError: () => undefined });
    await migrate(this.db);
    const path = process.env.PATH ?? "";
    this.environment = await prepareGitEnvironment({ dataDir: join(this.dir, "data"), path, nowMs: Date.now() });
    mkdirSync(this.mirrorDir);
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    this.#server?.close();
    await this.db.destroy();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async actions(settings: Partial<ActionSettings> = {}, trees: Partial<ActionTreesOptions> = {}): Promise<Actions> {
    const { db, environment } = this;
    const dir = trees.dir ?? mkdtempSync(join(this.dir, "trees-"));
    return createActions({
      ...{ db, environment },
      settings: { allowed: ["*"], shared: [], ...settings },
      trees: await openActionTrees({ environment, clock: systemClock, ...trees, dir }),
      logger: createLogger({ component: "actions-test", level: "fatal" }),
    });
  }

  async run(): Promise<number> {
    const { repository } = await inTransaction(this.db, (tx) =>
      ensureRepository(tx, { owner: "me", name: "app", defaultBranch: "main", createdBy: "me" }),
    );
    const run = await this.db
      .insertInto("runs")
      .values({
        repository_id: repository.id,
        number: ++this.#runCount,
        event_name: "push",
        event_json: "{}",
        ref: "refs/heads/main",
        sha: "a".repeat(40),
        actor: "me",
        workflow_path: "ci.yml",
        workflow_name: "ci",
        state: "running",
      })
      .returning("id")
      .executeTakeFirstOrThrow();
    return run.id;
  }

  /** A repository that the farm hosts. */
  async host(owner: string, name: string): Promise<ActionRepository> {
    await inTransaction(this.db, (tx) => ensureRepository(tx, { owner, name, defaultBranch: "main", createdBy: "me" }));
    return makeActionRepository(join(this.environment.gitDir, owner, `${name}.git`));
  }

  /** Serves every repository below `folder` at /OWNER/NAME.git, read only. */
  async serve(folder: string): Promise<void> {
    const environment = this.environment;
    this.#server = createServer((request, response) => {
      this.served++;
      const url = new URL(request.url ?? "/", "http://localhost");
      const [, repository = "", service = ""] = /^\/(.+?\.git)(\/.+)$/.exec(url.pathname) ?? [];
      const backend = startHttpBackend({
        environment,
        folder: join(folder, repository),
        service,
        method: request.method === "POST" ? "POST" : "GET",
        query: url.search.slice(1),
        contentType: request.headers["content-type"],
        contentLength: request.headers["content-length"],
        contentEncoding: request.headers["content-encoding"],
        gitProtocol: String(request.headers["git-protocol"] ?? ""),
        user: "",
        address: "127.0.0.1",
      });
      request.pipe(backend.stdin);
      backend.header.then(
        (header) => {
          response.writeHead(header.status, Object.fromEntries(header.headers));
          backend.body.pipe(response);
        },
        () => response.writeHead(404).end(),
      );
    });
    const server = this.#server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.serverUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
}

const GIT_ENV = {
  PATH: process.env.PATH,
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.org",
};

/** Makes it with a work tree beside it, and leaves a bare repository at `folder`. */
export function makeActionRepository(folder: string, files: Readonly<Record<string, string>> = {}): ActionRepository {
  const work = `${folder}.work`;
  mkdirSync(work, { recursive: true });
  const git = (...argv: string[]): string =>
    execFileSync("git", argv, { cwd: work, env: GIT_ENV, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(work, name)), { recursive: true });
    writeFileSync(join(work, name), text);
  };
  git("init", "--quiet", "--initial-branch=main");
  write("action.yml", "name: hello\nruns: {using: composite, steps: []}\n");
  write("sub/action.yml", "name: sub\nruns: {using: composite, steps: []}\n");
  for (const [name, text] of Object.entries(files)) write(name, text);
  git("add", ".");
  git("commit", "--quiet", "-m", "first");
  const first = git("rev-parse", "HEAD");
  git("tag", "v1.0");
  git("tag", "-a", "v1", "-m", "the first");
  git("checkout", "--quiet", "-b", "next");
  write("more.txt", "more\n");
  git("add", ".");
  git("commit", "--quiet", "-m", "second");
  const second = git("rev-parse", "HEAD");
  git("checkout", "--quiet", "main");
  git("clone", "--quiet", "--bare", work, folder);
  rmSync(work, { recursive: true });
  return { folder, first, second };
}

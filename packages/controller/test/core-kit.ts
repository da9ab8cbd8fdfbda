import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAuthority } from "@windrow/certificates";
import { makeTestIdentity } from "@windrow/certificates/testing";
import { startTestPostgres } from "@windrow/embedded/testing";
import { asAgentId, type Diagnostic, type Value, type WorkflowDefinition } from "@windrow/model";
import { type Clock, createLogger, systemClock } from "@windrow/service";
import {
  type Database,
  ensureRepository,
  insertAgent,
  inTransaction,
  migrate,
  openDatabase,
  removeAgent,
} from "@windrow/store";
import { createUserNkey } from "@windrow/wire";
import { parseWorkflow, resolveJobs } from "@windrow/workflow";
import { type Controller, startController } from "../src/create-controller.ts";
import { startRuns } from "../src/intake/start-runs.ts";
import { toNewJob } from "../src/runs/new-job.ts";
import { createRunTexts } from "../src/runs/run-texts.ts";
import { FakeAgent } from "./fake-agent.ts";
import { waitFor } from "./wait-for.ts";

/** Controllers on a real database with agents that speak the protocol and run nothing. */
export interface Core {
  readonly db: Database;
  readonly controllers: Controller[];
  /** Shared by all controllers. */
  readonly dataDir: string;
  readonly connectionString: string;
  /** Shortens the times of the default pool. */
  setPool(times: {
    suspect_after_ms?: number;
    lost_after_ms?: number;
    lease_margin_ms?: number;
    offer_ms?: number;
    infra_retries_max?: number;
  }): Promise<void>;
  addAgent(options?: { slots?: number; labels?: string[]; controller?: number }): Promise<FakeAgent>;
  /** Another process with the same key and certificate. */
  cloneAgent(agent: FakeAgent, options?: { controller?: number }): FakeAgent;
  startController(): Promise<Controller>;
  /** Inserts a run of this workflow text as intake does. */
  insertRun(yaml: string, options?: InsertRunOptions): Promise<number>;
  jobs(runId: number): Promise<JobRow[]>;
  runFinished(runId: number): Promise<string>;
  eventKinds(runId: number): Promise<string[]>;
  adminToken(): Promise<string>;
  /** Takes every agent off the farm, so that one test's agents are not another's. */
  removeAgents(): Promise<void>;
  stop(): Promise<void>;
}

export interface InsertRunOptions {
  /** Texts of the workflows its jobs call, by `uses` as written. */
  readonly called?: Readonly<Record<string, string>>;
  readonly inputs?: Readonly<Record<string, Value>>;
  readonly scope?: "branch" | "try";
}

export interface JobRow {
  readonly id: number;
  readonly key: string;
  readonly name: string;
  readonly state: string;
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly attempt_count: number;
}

async function createDatabase() {
  const postgres = await startTestPostgres();
  return postgres.createDatabase({
    key: "controller-core-1",
    async prepare(template) {
      const made = openDatabase({ connectionString: template, onError: () => undefined });
      await migrate(made);
      await made.destroy();
    },
  });
}

function parse(
  path: string,
  text: string,
  called: Readonly<Record<string, string>>,
): { readonly definition: WorkflowDefinition; readonly diagnostics: readonly Diagnostic[] } {
  const { definition, diagnostics } = parseWorkflow({ path, text });
  if (definition === undefined) throw new Error(JSON.stringify(diagnostics));
  const wanted = definition.jobs.flatMap((job) => (job.call === undefined ? [] : [job.call.uses]));
  const files = wanted.map((uses) => {
    const file = parse(uses.replace(/^\.\//, ""), called[uses] ?? "", called);
    return [uses, { repository: "me/app", ref: "refs/heads/main", sha: "a".repeat(40), definition: file.definition }];
  });
  return { definition: { ...definition, called: Object.fromEntries(files) }, diagnostics };
}

export async function startCore(
  options: { controllers?: number; connectionString?: string; clock?: Clock } = {},
): Promise<Core> {
  const { connectionString, drop } =
    options.connectionString === undefined
      ? await createDatabase()
      : { connectionString: options.connectionString, drop: async () => undefined };
  const db = openDatabase({ connectionString, connectionsMax: 4, onError: () => undefined });
  const dataDir = await mkdtemp(join(tmpdir(), "windrow-core-"));
  const controllers: Controller[] = [];
  const agents: FakeAgent[] = [];
  const texts = createRunTexts();
  let runCount = 0;
  let agentCount = 0;

  const core: Core = {
    db,
    controllers,
    dataDir,
    connectionString,
    async setPool(times) {
      await db.updateTable("pools").set(times).where("name", "=", "default").execute();
    },
    async addAgent({ slots = 1, labels = ["linux"], controller = 0 } = {}) {
      const agentId = asAgentId(randomUUID());
      const identity = await makeTestIdentity(await openAuthority(join(dataDir, "tls"), Date.now()), agentId);
      await insertAgent(db, {
        id: agentId,
        name: `agent-${++agentCount}`,
        pool: "default",
        labels,
        slots,
        publicKey: identity.publicKey,
        certificateExpiresAt: new Date(identity.expiresAtMs),
        natsPublicKey: createUserNkey().publicKey,
        hostname: "test",
        version: "test",
        joinedWith: null,
      });
      const address = `127.0.0.1:${controllers[controller]?.grpcPort}`;
      const agent = new FakeAgent({ agentId, address, tls: identity });
      agent.slots = slots;
      agent.labels = labels;
      agents.push(agent);
      return agent;
    },
    cloneAgent(agent, { controller = 0 } = {}) {
      const address = `127.0.0.1:${controllers[controller]?.grpcPort}`;
      const clone = new FakeAgent({ agentId: agent.agentId, address, tls: agent.tls });
      clone.slots = agent.slots;
      clone.labels = agent.labels;
      agents.push(clone);
      return clone;
    },
    async startController() {
      const controller = await startController({
        config: {
          databaseUrl: connectionString,
          databaseConnectionsMax: 8,
          dataDir,
          tlsDir: join(dataDir, "tls"),
          listen: "127.0.0.1",
          port: 0,
          grpcPort: 0,
          adminTokenFile: join(dataDir, "admin-token"),
          logLevel: "fatal",
          hostname: "test",
          path: process.env.PATH ?? "",
        },
        clock: options.clock ?? systemClock,
        logger: createLogger({ component: "core-test", level: process.env.CORE_TEST_LOG ?? "fatal" }),
      });
      controllers.push(controller);
      return controller;
    },
    async insertRun(yaml, { called = {}, inputs = {}, scope = "branch" } = {}) {
      const { repository } = await inTransaction(db, (tx) =>
        ensureRepository(tx, { owner: "me", name: "app", defaultBranch: "main", createdBy: "me" }),
      );
      const { definition, diagnostics } = parse(".windrow/workflows/ci.yml", yaml, called);
      const facts = {
        repository: "me/app",
        sha: "a".repeat(40),
        ref: "refs/heads/main",
        runId: 0,
        runNumber: ++runCount,
        runAttempt: 1,
        workflowName: "ci",
        workflowPath: ".windrow/workflows/ci.yml",
        eventName: "push",
        actor: "me",
        triggeringActor: "me",
        headRef: "",
        baseRef: "",
        eventDigest: "",
        trust: "trusted" as const,
        defaultBranch: "main",
        publicUrl: "http://farm",
        eventJson: "{}",
      };
      const ids = await startRuns(
        {
          db,
          texts,
          publicUrl: () => "http://farm",
          tell(advanced) {
            for (const one of advanced) controllers[0]?.announce(one);
          },
        },
        {
          pushId: null,
          reason: null,
          runs: [
            {
              ...facts,
              repositoryId: repository.id,
              owner: "me",
              pushId: null,
              scope,
              beforeSha: null,
              title: "",
              inputs,
              definition,
              diagnostics,
              jobs: resolveJobs({
                scope: {
                  definition,
                  source: { repository: "me/app", path: facts.workflowPath, ref: facts.ref, sha: facts.sha },
                  inputs,
                },
                vars: {},
                facts,
              }).map((seed) => toNewJob(seed)),
            },
          ],
        },
      );
      const runId = ids?.[0];
      if (runId === undefined) throw new Error("no run was inserted");
      return runId;
    },
    jobs: (runId) =>
      db
        .selectFrom("jobs")
        .innerJoin("runs", "runs.id", "jobs.run_id")
        .whereRef("jobs.run_attempt", "=", "runs.attempt")
        .select(["jobs.id", "jobs.key", "jobs.name", "jobs.state", "jobs.outcome", "jobs.reason", "jobs.attempt_count"])
        .where("run_id", "=", runId)
        .orderBy("jobs.id")
        .execute(),
    runFinished: (runId) =>
      waitFor("the run's end", async () => {
        const run = await db.selectFrom("runs").select("conclusion").where("id", "=", runId).executeTakeFirst();
        return run?.conclusion ?? undefined;
      }),
    async eventKinds(runId) {
      const rows = await db.selectFrom("events").select("kind").where("run_id", "=", runId).orderBy("id").execute();
      return rows.map((row) => row.kind);
    },
    async removeAgents() {
      for (const agent of agents.splice(0)) {
        agent.close();
        await removeAgent(db, { agentId: agent.agentId, reason: "test" });
      }
    },
    adminToken: async () => (await readFile(join(dataDir, "admin-token"), "utf8")).trim(),
    async stop() {
      for (const agent of agents) agent.close();
      await Promise.all(controllers.map((controller) => controller.stop()));
      await db.destroy();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  for (let no = 0; no < (options.controllers ?? 1); no++) await core.startController();
  return core;
}

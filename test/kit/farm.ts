import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort, startTestNats, startTestPostgres, type TestNats } from "@windrow/embedded/testing";
import { type Database, migrate, openDatabase } from "@windrow/store";
import { sql } from "kysely";
import { removeOutsideFolder } from "./agent-traces.ts";
import { type Child, startChild } from "./child.ts";
import { callApi } from "./farm-door.ts";
import { TcpProxy } from "./tcp-proxy.ts";
import { trustAuthority } from "./trust-authority.ts";
import { waitFor } from "./wait-for.ts";

export interface PoolTimes {
  readonly suspectAfterMs?: number;
  readonly lostAfterMs?: number;
  readonly leaseMarginMs?: number;
  readonly offerMs?: number;
  readonly orphanGraceMs?: number;
  readonly infraRetriesMax?: number;
}

export interface FarmOptions {
  readonly controllers?: number;
  readonly agents?: number;
  readonly slots?: number;
  readonly pool?: PoolTimes;
  readonly logLevel?: string;
  /** Words for the Node of every controller and agent, `--cpu-prof` for example. */
  readonly nodeArgs?: readonly string[];
  /** Besides what every controller is told. */
  readonly controllerEnv?: Readonly<Record<string, string>>;
  /** Besides what every agent is told. */
  readonly agentEnv?: Readonly<Record<string, string>>;
  /** A database of the caller's own; a fresh one of the test run's Postgres when not given. */
  readonly connectionString?: string;
  /** Puts the processes on addresses of their own instead of loopback. */
  readonly network?: FarmNetwork;
}

export interface FarmNetwork {
  /** Where the test itself and the servers of the test run (nats-server) are reached from the namespaces. */
  readonly hostAddress: string;
  readonly controllers: { readonly namespace: string; readonly address: string };
  /** The namespace of an agent, by its name. */
  readonly agentNamespace: (agentName: string) => string;
}

export interface ControllerProcess {
  readonly no: number;
  readonly url: string;
  readonly grpcAddress: string;
  child: Child;
}

export interface AgentProcess {
  readonly name: string;
  readonly dir: string;
  child: Child;
}

/** A real farm on loopback: Postgres and nats-server of the test run, controllers and agents as processes. */
export class Farm {
  readonly dir: string;
  readonly db: Database;
  readonly connectionString: string;
  nats: TestNats;
  /** Stands between the agents and nats-server; controllers reach it directly. */
  readonly natsProxy: TcpProxy;
  readonly controllers: ControllerProcess[] = [];
  readonly agents: AgentProcess[] = [];
  readonly #options: FarmOptions;
  #ports: { http: number; grpc: number; tls: number }[] = [];
  #adminToken = "";

  private constructor(parts: {
    dir: string;
    db: Database;
    connectionString: string;
    nats: TestNats;
    natsProxy: TcpProxy;
    options: FarmOptions;
  }) {
    this.dir = parts.dir;
    this.db = parts.db;
    this.connectionString = parts.connectionString;
    this.nats = parts.nats;
    this.natsProxy = parts.natsProxy;
    this.#options = parts.options;
  }

  static async start(options: FarmOptions = {}): Promise<Farm> {
    const connectionString =
      options.connectionString ?? (await (await startTestPostgres()).createDatabase()).connectionString;
    const dir = mkdtempSync(join(tmpdir(), "windrow-farm-"));
    // job users must be able to walk through to their work folders, or the agent keeps those elsewhere
    chmodSync(dir, 0o711);
    const hostAddress = options.network?.hostAddress ?? "127.0.0.1";
    const nats = await startTestNats(hostAddress);
    const natsProxy = await TcpProxy.start({ host: hostAddress, port: nats.port }, hostAddress);
    const db = openDatabase({ connectionString, onError: () => undefined });
    const farm = new Farm({ dir, db, connectionString, nats, natsProxy, options });
    try {
      await migrate(db);
      await farm.#setPoolTimes(options.pool ?? {});
      for (let no = 0; no < (options.controllers ?? 1); no++) {
        farm.#ports.push({ http: await findFreePort(), grpc: await findFreePort(), tls: await findFreePort() });
      }
      for (let no = 0; no < farm.#ports.length; no++) await farm.startController(no);
      for (let no = 1; no <= (options.agents ?? 1); no++) await farm.startAgent({ name: `agent-${no}` });
      return farm;
    } catch (error) {
      await farm.stop().catch(() => undefined);
      throw error;
    }
  }

  get url(): string {
    const first = this.controllers[0];
    if (first === undefined) throw new Error("no controller is there");
    return first.url;
  }

  get adminToken(): string {
    return this.#adminToken;
  }

  /** Starts (or, after its end, starts again) controller number `no`; waits until it is ready. */
  async startController(no: number): Promise<ControllerProcess> {
    const ports = this.#ports[no];
    if (ports === undefined) throw new Error(`controller ${no} has no ports`);
    const { network } = this.#options;
    const address = network?.controllers.address ?? "127.0.0.1";
    // agents of other machines join by HTTPS only
    const url = network === undefined ? `http://${address}:${ports.http}` : `https://${address}:${ports.tls}`;
    const dataDir = join(this.dir, "data");
    mkdirSync(dataDir, { recursive: true });
    const tokenFile = join(this.dir, "admin-token");
    const child = startChild({
      name: `controller ${no}`,
      entry: "@windrow/controller/main",
      ...(network === undefined ? {} : { namespace: network.controllers.namespace }),
      logFile: join(this.dir, "logs", `controller-${no}.log`),
      failpointFile: this.#failpointFile(`controller-${no}`),
      nodeArgs: this.#options.nodeArgs ?? [],
      env: {
        WINDROW_DATABASE_URL: this.connectionString,
        WINDROW_NATS_URL: this.nats.url,
        WINDROW_NATS_PUBLIC_URL: `nats://${network?.hostAddress ?? "127.0.0.1"}:${this.natsProxy.port}`,
        WINDROW_NATS_KEYS_FILE: this.nats.keysFile,
        WINDROW_DATA_DIR: dataDir,
        WINDROW_LISTEN: address,
        WINDROW_PORT: String(ports.http),
        WINDROW_GRPC_PORT: String(ports.grpc),
        ...(network === undefined ? {} : { WINDROW_TLS_PORT: String(ports.tls), WINDROW_MACHINES_URL: url }),
        WINDROW_GRPC_PUBLIC_ADDRESS: this.#ports.map((one) => `${address}:${one.grpc}`).join(","),
        WINDROW_PUBLIC_URL: url,
        WINDROW_ADMIN_TOKEN_FILE: tokenFile,
        WINDROW_LOG_LEVEL: this.#options.logLevel ?? "debug",
        ...this.#options.controllerEnv,
      },
    });
    await child.line("ready");
    if (network !== undefined) trustAuthority(join(dataDir, "tls", "ca.pem"));
    this.#adminToken = readFileSync(tokenFile, "utf8").trim();
    const controller = { no, url, grpcAddress: `${address}:${ports.grpc}`, child };
    this.controllers[no] = controller;
    return controller;
  }

  /** Starts (or starts again) the agent of this name; waits until the controller welcomed it, unless told otherwise. */
  async startAgent(options: {
    name: string;
    slots?: number;
    controller?: number;
    labels?: string;
    /** `default` when not given. */
    pool?: string;
    /** Instead of what joining answers: a proxy, to part this agent alone from the controllers. */
    grpcAddress?: string;
    waitReady?: boolean;
    /** Words before its command, which they must become. */
    within?: readonly string[];
    /** Besides what every agent is told. */
    env?: Readonly<Record<string, string>>;
  }): Promise<AgentProcess> {
    const { name } = options;
    const dir = join(this.dir, "agents", name);
    const known = this.agents.find((agent) => agent.name === name);
    const joinToken = known === undefined ? await this.joinToken(options.pool) : undefined;
    const controller = this.controllers[options.controller ?? 0];
    const child = startChild({
      name,
      entry: "@windrow/agent/main",
      ...(this.#options.network === undefined ? {} : { namespace: this.#options.network.agentNamespace(name) }),
      ...(options.within === undefined ? {} : { within: options.within }),
      logFile: join(this.dir, "logs", `${name}.log`),
      failpointFile: this.#failpointFile(name),
      nodeArgs: this.#options.nodeArgs ?? [],
      env: {
        WINDROW_URL: controller?.url ?? this.url,
        WINDROW_AGENT_DIR: dir,
        WINDROW_AGENT_NAME: name,
        WINDROW_AGENT_SLOTS: String(options.slots ?? this.#options.slots ?? 1),
        WINDROW_AGENT_LABELS: options.labels ?? "",
        ...(options.grpcAddress === undefined ? {} : { WINDROW_AGENT_GRPC_ADDRESS: options.grpcAddress }),
        WINDROW_LOG_LEVEL: this.#options.logLevel ?? "debug",
        ...this.#options.agentEnv,
        ...options.env,
        ...(joinToken === undefined ? {} : { WINDROW_JOIN_TOKEN: joinToken }),
      },
    });
    if (options.waitReady !== false) await child.line("ready");
    if (known !== undefined) {
      known.child = child;
      return known;
    }
    const agent = { name, dir, child };
    this.agents.push(agent);
    return agent;
  }

  /**
   * Lets a failpoint (`name:action[:nth]`) strike once in a process (`controller-0`, `agent-1`); undefined disarms it. The
   * promise resolves when it has struck.
   */
  arm(processName: string, failpoint: string | undefined): { struck: () => Promise<unknown> } {
    mkdirSync(join(this.dir, "failpoints"), { recursive: true });
    writeFileSync(this.#failpointFile(processName), failpoint ?? "");
    const controller = /^controller-(\d+)$/.exec(processName)?.[1];
    const child =
      controller === undefined ? this.agent(processName).child : this.controllers[Number(controller)]?.child;
    return { struck: () => child?.line(`failpoint ${failpoint}`) ?? Promise.reject(new Error(`no ${processName}`)) };
  }

  #failpointFile(processName: string): string {
    return join(this.dir, "failpoints", processName);
  }

  agent(name: string): AgentProcess {
    const found = this.agents.find((agent) => agent.name === name);
    if (found === undefined) throw new Error(`no agent ${name}`);
    return found;
  }

  async joinToken(pool = "default"): Promise<string> {
    const body = { kind: "join", name: "test", pool, ttl_seconds: 3600, uses_max: 100 };
    const answer = await this.api<{ secret: string }>("POST", "/api/v1/tokens", { body });
    return answer.secret;
  }

  /** One call of the HTTP API, as the admin unless told otherwise; throws with the answer's text when it is not 2xx. */
  async api<T>(
    method: string,
    path: string,
    options: { body?: unknown; controller?: number; bearer?: string } = {},
  ): Promise<T> {
    const base = this.controllers[options.controller ?? 0]?.url ?? this.url;
    return callApi(base + path, { method, body: options.body, bearer: options.bearer ?? this.#adminToken });
  }

  /** Waits until the run is finished and returns its row. */
  async waitRunFinished(runId: number, withinMs = 60_000) {
    const row = () => this.db.selectFrom("runs").selectAll().where("id", "=", runId).executeTakeFirst();
    return waitFor(
      `run ${runId} to finish`,
      async () => {
        const run = await row();
        return run?.state === "finished" ? run : undefined;
      },
      { withinMs, describe: async () => ({ run: (await row())?.state, jobs: await this.jobs(runId) }) },
    );
  }

  jobs(runId: number) {
    return this.db
      .selectFrom("jobs")
      .select([
        "id",
        "key",
        "name",
        "run_attempt",
        "state",
        "outcome",
        "conclusion",
        "reason",
        "message",
        "attempt_count",
        "outputs",
      ])
      .where("run_id", "=", runId)
      .orderBy("id")
      .execute();
  }

  async attempts(runId: number) {
    return this.db
      .selectFrom("attempts")
      .innerJoin("jobs", "jobs.id", "attempts.job_id")
      .innerJoin("agents", "agents.id", "attempts.agent_id")
      .select([
        "attempts.id",
        "attempts.no",
        "attempts.state",
        "attempts.outcome",
        "attempts.reason",
        "attempts.fence",
        "attempts.receipt",
        "jobs.key",
        "agents.name as agent",
      ])
      .where("jobs.run_id", "=", runId)
      .orderBy("attempts.fence")
      .execute();
  }

  /** Ends everything this farm started, agents first. The folder stays when WINDROW_TEST_KEEP is set. */
  async stop(): Promise<void> {
    for (const agent of this.agents) {
      agent.child.signal("SIGCONT");
      // asked twice (stop asks again): an agent asked once would wait for its jobs to end by themselves
      agent.child.signal("SIGINT");
    }
    const stops = await Promise.allSettled([...this.agents.map((agent) => agent.child.stop())]);
    stops.push(...(await Promise.allSettled(this.controllers.map((controller) => controller.child.stop()))));
    await this.db.destroy();
    await this.natsProxy.stop();
    await this.nats.remove();
    if (process.env.WINDROW_TEST_KEEP === undefined) {
      rmSync(this.dir, { recursive: true, force: true });
      for (const agent of this.agents) removeOutsideFolder(agent);
    }
    const failed = stops.find((one) => one.status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  }

  async #setPoolTimes(pool: PoolTimes): Promise<void> {
    const columns: Record<string, number | undefined> = {
      suspect_after_ms: pool.suspectAfterMs,
      lost_after_ms: pool.lostAfterMs,
      lease_margin_ms: pool.leaseMarginMs,
      offer_ms: pool.offerMs,
      orphan_grace_ms: pool.orphanGraceMs,
      infra_retries_max: pool.infraRetriesMax,
    };
    const set = Object.entries(columns).filter(([, value]) => value !== undefined);
    if (set.length === 0) return;
    const assignments = set.map(([name, value]) => sql`${sql.ref(name)} = ${value}`);
    await sql`update pools set ${sql.join(assignments)} where name = 'default'`.execute(this.db);
  }
}

import { randomBytes, randomUUID } from "node:crypto";
import { startTestPostgres } from "@windrow/embedded/testing";
import { type AgentId, asAgentId, type ProviderSettings } from "@windrow/model";
import type { AgentProvider } from "@windrow/providers";
import { type Clock, createLogger, systemClock } from "@windrow/service";
import {
  type Database,
  insertAgent,
  inTransaction,
  listMachines,
  type MachineRow,
  machineJoined,
  migrate,
  openDatabase,
  removeAgent,
  requestMachines,
} from "@windrow/store";
import { Registry } from "prom-client";
import { createMachineKeeper, type MachineKeeper } from "../src/machines/create-machine-keeper.ts";
import { createMachineMetrics } from "../src/machines/machine-metrics.ts";
import { createMachineTokens } from "../src/machines/machine-tokens.ts";

/** Keepers of machines on a real database, and agents that are rows only. */
export interface MachineFarm {
  readonly db: Database;
  readonly connectionString: string;
  readonly registry: Registry;
  /** As another controller would have it. */
  keeper(options: KeeperOptions): MachineKeeper;
  /** Gives the pool this provider. */
  setProvider(settings: ProviderSettings | null): Promise<void>;
  request(count?: number): Promise<void>;
  /** The machines that are not over. */
  machines(): Promise<MachineRow[]>;
  machine(): Promise<MachineRow>;
  /** Every machine there ever was: state, error and reason. */
  all(): Promise<{ name: string; state: string; error: string | null; reason: string }[]>;
  /** Changes every machine's row. */
  set(columns: { created_at?: Date; not_before?: null; is_ephemeral?: boolean }): Promise<void>;
  clear(): Promise<void>;
  /** The machine's agent joins and connects. */
  join(machine: MachineRow): Promise<AgentId>;
  stop(): Promise<void>;
}

export interface KeeperOptions {
  readonly provider: AgentProvider;
  readonly hostname?: string;
  readonly clock?: Clock;
  readonly holdsPool?: () => boolean;
  readonly endsProcesses?: boolean;
}

export const SETTINGS: Extract<ProviderSettings, { kind: "command" }> = {
  kind: "command",
  create: ["c"],
  destroy: ["d"],
  list: ["l"],
};

export async function startMachineFarm(): Promise<MachineFarm> {
  const postgres = await startTestPostgres();
  const { connectionString } = await postgres.createDatabase();
  const db = openDatabase({ connectionString, connectionsMax: 6, onError: () => undefined });
  await migrate(db);
  const registry = new Registry();
  const metrics = createMachineMetrics(registry, db);
  const logger = createLogger({ component: "test", level: "silent" });
  const farm: MachineFarm = {
    db,
    connectionString,
    registry,
    keeper({ provider, hostname = "here", clock = systemClock, holdsPool = () => true, endsProcesses = false }) {
      return createMachineKeeper({
        ...{ db, clock, logger, metrics, hostname },
        tokens: createMachineTokens({ db, clock, authorityFingerprint: "f".repeat(64) }),
        terms: { find: (pool) => (holdsPool() ? { pool, termId: "term" } : undefined) },
        providerHost: { farmId: "farm", dir: "/nowhere", environment: {}, clock },
        createProvider: () => provider,
        endsProcesses,
        joinUrl: () => "http://127.0.0.1:1",
        removeAgent: async (agentId, reason) => void (await removeAgent(db, { agentId: asAgentId(agentId), reason })),
      });
    },
    async setProvider(settings) {
      const provider = settings === null ? null : JSON.stringify(settings);
      await db.updateTable("pools").set({ provider }).where("name", "=", "default").execute();
    },
    async request(count = 1) {
      await inTransaction(db, (tx) => requestMachines(tx, { pool: "default", count, reason: "jobs wait" }));
    },
    machines: () => listMachines(db),
    async machine() {
      const [machine] = await listMachines(db);
      if (machine === undefined) throw new Error("there is no machine");
      return machine;
    },
    all: () => db.selectFrom("machines").select(["name", "state", "error", "reason"]).orderBy("requested_at").execute(),
    async set(columns) {
      await db.updateTable("machines").set(columns).execute();
    },
    async clear() {
      await db.updateTable("machines").set({ agent_id: null }).execute();
      for (const table of ["tokens", "agents", "machines"] as const) await db.deleteFrom(table).execute();
    },
    async join(machine) {
      const agentId = asAgentId(randomUUID());
      await inTransaction(db, async (tx) => {
        await insertAgent(tx, {
          id: agentId,
          name: machine.name,
          pool: machine.pool,
          labels: [],
          slots: 1,
          publicKey: randomBytes(32),
          certificateExpiresAt: new Date(Date.now() + 86_400_000),
          natsPublicKey: "U",
          hostname: "test",
          version: "test",
          joinedWith: null,
        });
        if ((await machineJoined(tx, { machineId: machine.id, agentId })) === undefined) throw new Error("not awaited");
      });
      await db.updateTable("agents").set({ state: "ready" }).where("id", "=", agentId).execute();
      return agentId;
    },
    stop: () => db.destroy(),
  };
  return farm;
}

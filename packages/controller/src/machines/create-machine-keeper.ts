import { decideMachine, type MachineStep, type ProviderSettings } from "@windrow/model";
import { type AgentProvider, ProviderError, type ProviderHost } from "@windrow/providers";
import { type Clock, type Logger, type Loop, type Service, startLoop } from "@windrow/service";
import {
  type Database,
  isDatabaseAway,
  listMachines,
  listProvidedPools,
  MACHINES_LISTED_MAX,
  type MachineRow,
} from "@windrow/store";
import type { PoolTerms } from "../dispatch/pool-terms.ts";
import { keepAwayMachines } from "./keep-away-machines.ts";
import { type AskedProvider, createLookout, type Look, seenBy } from "./look-around.ts";
import type { MachineMetrics } from "./machine-metrics.ts";
import type { MachineTokens } from "./machine-tokens.ts";
import { createProviderBook, keyOf } from "./provider-book.ts";
import { type StepDeps, stepMachine } from "./step-machine.ts";

export interface MachineKeeperDeps extends Pick<StepDeps, "joinUrl" | "removeAgent"> {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MachineMetrics;
  readonly tokens: MachineTokens;
  readonly terms: Pick<PoolTerms, "find">;
  readonly hostname: string;
  readonly providerHost: ProviderHost;
  /** Processes of this host end when the keeper stops; else they go on, and the next keeper finds them. */
  readonly endsProcesses?: boolean;
  /** Instead of the real ones. */
  readonly createProvider?: (settings: ProviderSettings, host: ProviderHost) => AgentProvider;
}

export interface MachineKeeper extends Service {
  /** One pass: looks at every machine that is this controller's and begins what is to be done. */
  runOnce(): Promise<void>;
  /** Resolves when nothing that was begun is under way. */
  settle(): Promise<void>;
}

const TICK_MS = 1_000;
/** Calls of one provider at once that make machines, and as many that end some. */
export const CALLS_MAX = 4;
/** Steps get their grace to end in; together, not one after the other. */
const END_ALL_LIMIT_MS = 60_000;

/**
 * Keeps the rows of machines and what their providers have in step: makes what is asked for, ends what is to go, and
 * compares with what is there. The row comes before every call, and every call may be made again, so that a controller
 * which is killed at any moment loses no machine. A machine is the business of the controller on its host where it can be
 * seen from there only, else of the one that dispatches its pool.
 */
export function createMachineKeeper(deps: MachineKeeperDeps): MachineKeeper {
  const { db, clock, logger, terms, hostname } = deps;
  const stopping = new AbortController();
  const providers = createProviderBook(deps.providerHost, deps.createProvider);
  /** By machine id, or by provider and name of one that nobody knows. */
  const underWay = new Map<string, { readonly lane: string; readonly done: Promise<void> }>();
  let loop: Loop | undefined;
  const lookout = createLookout({
    clock,
    signal: stopping.signal,
    open: providers.open,
    onLooked: () => loop?.wake(),
    onError(settings, error) {
      deps.metrics.countError(settings.kind);
      logger.warn({ err: error, provider: settings.kind }, "a provider does not tell what it has");
    },
  });

  async function runOnce(): Promise<void> {
    // before the rows: a machine that was listed and has no row by now has none
    const looks = lookout.take();
    const [pools, rows] = await Promise.all([listProvidedPools(db), listMachines(db)]);
    const poolSettings = new Map(pools.map(({ pool, settings }) => [pool, settings]));
    const slots = new Map(pools.map((pool) => [pool.pool, pool.slots ?? 1]));
    const isMine = (pool: string, host: string | null) =>
      host === null ? terms.find(pool) !== undefined : host === hostname;
    const mine = rows.filter((row) => isMine(row.pool, row.host));
    const isWanted = ({ pool, settings }: MachineRow) => {
      const now = poolSettings.get(pool) ?? null;
      return now !== null && settings !== null && keyOf(now) === keyOf(settings);
    };
    const asked = new Map<string, AskedProvider>();
    const ask = (settings: ProviderSettings, row?: MachineRow) => {
      const key = keyOf(settings);
      const before = asked.get(key) ?? { key, settings, rows: [], isUrgent: false };
      const isUrgent = before.isUrgent || row?.agentState === "suspect" || row?.agentState === "lost";
      asked.set(key, { ...before, isUrgent, rows: row === undefined ? before.rows : [...before.rows, row] });
    };
    for (const { pool, settings } of pools) {
      if (settings !== null && isMine(pool, settings.kind === "process" ? settings.host : null)) ask(settings);
    }
    for (const row of mine) if (row.settings !== null) ask(row.settings, row);
    await providers.keep(new Set([...asked.keys(), ...busyKeys()]));
    lookout.begin([...asked.values()]);

    const putOff = createPutOff(looks);
    for (const row of mine) {
      const { settings } = row;
      if (settings === null || underWay.has(row.id)) continue;
      const key = keyOf(settings);
      const look = looks.find((one) => one.key === key);
      const step = decideMachine({ ...row, seen: seenBy(look, row.name), isWanted: isWanted(row) });
      if (step.kind === "none") continue;
      const hasBegun = begin(row, settings, { step, slots: slots.get(row.pool) ?? 1 });
      if (!hasBegun && look !== undefined) putOff.add(look, row.name);
    }
    const known = new Set(rows.map((row) => row.name));
    for (const look of rows.length < MACHINES_LISTED_MAX ? looks : []) {
      for (const name of endUnknown(look, known, isMine)) putOff.add(look, name);
    }
    // what there was no room for is not to wait for the next look, which is a minute away
    for (const [look, names] of putOff.all()) lookout.putBack(look, names);
    const isDispatched = (pool: string) => terms.find(pool) !== undefined;
    // a change of settings is seen at once, whatever it waits for
    const decide = (row: MachineRow) =>
      decideMachine({
        ...row,
        seen: undefined,
        isWanted: isWanted(row),
        waitMs: row.state === "creating" && !isWanted(row) ? 0 : row.waitMs,
      });
    await keepAwayMachines({ db, logger, hostname, rows, looks, isDispatched, decide });
  }

  const busyKeys = () => [...underWay.values()].map(({ lane }) => lane.replace(/^\w+ /, ""));

  function begin(
    machine: MachineRow,
    settings: ProviderSettings,
    { step, slots }: { readonly step: MachineStep; readonly slots: number },
  ): boolean {
    const lane = `${step.kind === "create" ? "create" : "end"} ${keyOf(settings)}`;
    return run(machine.id, lane, () =>
      stepMachine(
        { ...deps, hostname },
        {
          machine,
          step,
          slots,
          open: () => providers.open(settings),
          isLocal: isLocal(settings),
          signal: stopping.signal,
        },
      ),
    );
  }

  /**
   * Ends machines of this farm that no row knows, or whose rows are over: a row is there before its machine. The answer
   * names those that there is no room for now.
   */
  function endUnknown(
    look: Look,
    known: ReadonlySet<string>,
    isMine: (pool: string, host: string | null) => boolean,
  ): string[] {
    const unknown = [...look.listed.values()].filter(
      ({ name, pool }) => !known.has(name) && isMine(pool, isLocal(look.settings) ? hostname : null),
    );
    const left = unknown.filter(({ name, pool }) => {
      const hasBegun = run(`${look.key} ${name}`, `end ${look.key}`, async () => {
        logger.warn({ machine: name, pool }, "a machine that nobody waits for is ended");
        await providers.open(look.settings).destroy(name, stopping.signal);
      });
      return !hasBegun;
    });
    return left.map(({ name }) => name);
  }

  /** False when there is no room for it now. */
  function run(key: string, lane: string, work: () => Promise<void>): boolean {
    if (underWay.has(key)) return true;
    if ([...underWay.values()].filter((other) => other.lane === lane).length >= CALLS_MAX) return false;
    const done = work()
      .catch((error: unknown) => {
        if (stopping.signal.aborted || isDatabaseAway(error)) return;
        if (error instanceof ProviderError) logger.warn({ err: error }, "a provider failed");
        else logger.error({ err: error }, "a machine could not be kept");
      })
      .finally(() => {
        underWay.delete(key);
        loop?.wake();
      });
    underWay.set(key, { lane, done });
    return true;
  }

  /** Their rows follow at the next start, which finds them gone. */
  async function endProcesses(): Promise<void> {
    const rows = await listMachines(db);
    const here = rows.filter(({ host, settings }) => host === hostname && settings?.kind === "process");
    const ends = here.map(async ({ name, settings }) => {
      if (settings !== null) await providers.open(settings).destroy(name, AbortSignal.timeout(END_ALL_LIMIT_MS));
    });
    for (const end of await Promise.allSettled(ends)) {
      if (end.status === "rejected") logger.error({ err: end.reason }, "an agent's process could not be ended");
    }
  }

  async function settle(): Promise<void> {
    await lookout.settle();
    while (underWay.size > 0) await Promise.all([...underWay.values()].map(({ done }) => done));
  }

  return {
    runOnce,
    settle,
    async start() {
      loop = startLoop({ name: "machines", everyMs: TICK_MS, clock, logger, runOnce });
    },
    async stop() {
      stopping.abort();
      await loop?.stop();
      await settle();
      if (deps.endsProcesses === true) await endProcesses();
      await providers.close();
    },
  };
}

/** Machines by the look that told of them. */
function createPutOff(looks: readonly Look[]) {
  const names = new Map<Look, Set<string>>(looks.map((look) => [look, new Set()]));
  return {
    add: (look: Look, name: string) => void names.get(look)?.add(name),
    all: () => [...names].filter(([, ofLook]) => ofLook.size > 0),
  };
}

/** Processes and the sockets of engines are a host's own. */
function isLocal(settings: ProviderSettings): boolean {
  return settings.kind === "process" || (settings.kind === "docker" && settings.socket.startsWith("unix:"));
}

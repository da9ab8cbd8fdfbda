import type { MachineSeen, ProviderSettings } from "@windrow/model";
import type { AgentProvider, ProvidedMachine } from "@windrow/providers";
import type { Clock } from "@windrow/service";
import type { MachineRow } from "@windrow/store";

/** What a provider listed, and which machines it had to list. */
export interface Look {
  readonly key: string;
  readonly settings: ProviderSettings;
  readonly listed: ReadonlyMap<string, ProvidedMachine>;
  /** Machines that were there, by their rows, before the provider was asked: of them a missing one is gone. */
  readonly awaited: ReadonlySet<string>;
}

/** Asks providers from time to time what is there, in the background. */
export interface Lookout {
  /** What looks have brought since the last call, and what was put back; of each provider the newest. */
  take(): Look[];
  /** The next call of `take` is to bring these machines of a look again. */
  putBack(look: Look, names: ReadonlySet<string>): void;
  /** Begins a look at each provider whose turn it is. */
  begin(asked: readonly AskedProvider[]): void;
  /** Resolves when no look is under way. */
  settle(): Promise<void>;
}

export interface AskedProvider {
  readonly key: string;
  readonly settings: ProviderSettings;
  readonly rows: readonly MachineRow[];
  /** Something suggests that a machine is gone. */
  readonly isUrgent: boolean;
}

const LOOK_EVERY_MS = 60_000;
const URGENT_EVERY_MS = 2_000;
const RETRY_EVERY_MS = 10_000;

export function createLookout(deps: {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly open: (settings: ProviderSettings) => AgentProvider;
  readonly onError: (settings: ProviderSettings, error: unknown) => void;
  /** A look is over. */
  readonly onLooked: () => void;
}): Lookout {
  const { clock, signal } = deps;
  const begun = new Map<string, { atMs: number; everyMs: number; isUnderWay: boolean }>();
  const underWay = new Set<Promise<void>>();
  let looks: Look[] = [];

  async function ask({ key, settings, rows }: AskedProvider): Promise<void> {
    const state = { atMs: clock.monotonicMs(), everyMs: LOOK_EVERY_MS, isUnderWay: true };
    begun.set(key, state);
    const awaited = new Set(rows.filter((row) => row.state !== "creating").map((row) => row.name));
    try {
      const listed = await deps.open(settings).list(signal);
      looks.push({ key, settings, awaited, listed: new Map(listed.map((machine) => [machine.name, machine])) });
    } catch (error) {
      state.everyMs = RETRY_EVERY_MS;
      if (!signal.aborted) deps.onError(settings, error);
    } finally {
      state.isUnderWay = false;
      deps.onLooked();
    }
  }

  return {
    take() {
      const newest = new Map(looks.map((look) => [look.key, look]));
      looks = [];
      return [...newest.values()];
    },
    putBack(look, names) {
      const listed = new Map([...look.listed].filter(([name]) => names.has(name)));
      // before what came in the meantime, which is newer
      looks.unshift({ ...look, listed, awaited: new Set([...look.awaited].filter((name) => names.has(name))) });
    },
    begin(asked) {
      const keys = new Set(asked.map((one) => one.key));
      for (const key of begun.keys()) if (!keys.has(key)) begun.delete(key);
      for (const one of asked) {
        const before = begun.get(one.key);
        if (before?.isUnderWay === true) continue;
        const everyMs = one.isUrgent ? Math.min(before?.everyMs ?? 0, URGENT_EVERY_MS) : before?.everyMs;
        if (before !== undefined && clock.monotonicMs() - before.atMs < (everyMs ?? 0)) continue;
        const work = ask(one);
        underWay.add(work);
        void work.finally(() => underWay.delete(work));
      }
    },
    async settle() {
      await Promise.all(underWay);
    },
  };
}

/** What a look says of a machine; undefined when it says nothing. */
export function seenBy(look: Look | undefined, name: string): MachineSeen | undefined {
  const machine = look?.listed.get(name);
  if (machine !== undefined) return machine.isAlive ? "alive" : "dead";
  return look?.awaited.has(name) === true ? "missing" : undefined;
}

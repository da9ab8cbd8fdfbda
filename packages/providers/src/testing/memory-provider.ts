import type { AgentProvider, MachineRequest, ProvidedMachine } from "../agent-provider.ts";
import { checkMachineName, ProviderError } from "../provider-error.ts";

/** Long enough for calls to be under way at once. */
const CALL_MS = 10;

/** A provider of machines that are only remembered; tests say what goes wrong. */
export interface MemoryProvider extends AgentProvider {
  readonly machines: Map<string, { readonly request: MachineRequest; isAlive: boolean }>;
  /** What every call throws from now on; undefined: nothing. */
  fail(error: ProviderError | undefined): void;
  /** Called when a machine is made, before `create` resolves. */
  onCreate: (request: MachineRequest) => Promise<void> | void;
  /** How many calls of `create` and `destroy` were under way at once, at most. */
  readonly atOnceMax: number;
}

export function createMemoryProvider(machines: MemoryProvider["machines"] = new Map()): MemoryProvider {
  let failure: ProviderError | undefined;
  let atOnce = 0;
  let atOnceMax = 0;
  const check = (signal: AbortSignal) => {
    if (signal.aborted) throw new ProviderError("given up", { retryable: true });
    if (failure !== undefined) throw failure;
  };
  async function counted(work: () => Promise<void>): Promise<void> {
    atOnceMax = Math.max(atOnceMax, ++atOnce);
    try {
      await new Promise((resolve) => setTimeout(resolve, CALL_MS));
      await work();
    } finally {
      atOnce--;
    }
  }
  const provider: MemoryProvider = {
    kind: "command",
    machines,
    onCreate: () => undefined,
    get atOnceMax() {
      return atOnceMax;
    },
    fail(error) {
      failure = error;
    },
    async create(request, signal) {
      checkMachineName(request.name);
      check(signal);
      await counted(async () => {
        if (machines.has(request.name)) return;
        machines.set(request.name, { request, isAlive: true });
        await provider.onCreate(request);
      });
    },
    async destroy(name, signal) {
      checkMachineName(name);
      check(signal);
      await counted(async () => {
        machines.delete(name);
      });
    },
    async list(signal): Promise<ProvidedMachine[]> {
      check(signal);
      return [...machines].map(([name, { request, isAlive }]) => ({ name, pool: request.pool, isAlive }));
    },
    readLastWords: async (name) => (machines.has(name) ? "its last words" : ""),
    close: async () => undefined,
  };
  return provider;
}

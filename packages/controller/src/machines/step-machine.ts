import type { MachineStep } from "@windrow/model";
import { type AgentProvider, ProviderError } from "@windrow/providers";
import { backoffMs, failpoint, type Logger } from "@windrow/service";
import {
  claimMachine,
  type Database,
  endMachine,
  inTransaction,
  type MachineRow,
  noteCreated,
  noteFailed,
  noteGone,
  noteProviderError,
} from "@windrow/store";
import type { MachineMetrics } from "./machine-metrics.ts";
import type { MachineTokens } from "./machine-tokens.ts";

export interface StepDeps {
  readonly db: Database;
  readonly logger: Logger;
  readonly metrics: MachineMetrics;
  readonly tokens: MachineTokens;
  readonly hostname: string;
  /** Where the agents of a machine join. */
  readonly joinUrl: (machine: MachineRow) => string;
  /** Takes an agent off the farm for good; what it held goes elsewhere. */
  readonly removeAgent: (agentId: string, reason: string) => Promise<void>;
}

const RETRY = { firstMs: 2_000, maxMs: 60_000, jitter: 0.5 };
/** Somebody has to change something first; a change of the pool's settings is seen at once. */
const REFUSED_RETRY_MS = 300_000;
const ERROR_CHARS_MAX = 2_000;

/** Takes one step for one machine. What its provider cannot do stands in the row afterwards, and is tried again later. */
export async function stepMachine(
  deps: StepDeps,
  options: {
    readonly machine: MachineRow;
    readonly step: MachineStep;
    readonly open: () => AgentProvider;
    /** Machines of this provider are seen from this host only. */
    readonly isLocal: boolean;
    readonly slots: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { db, logger } = deps;
  const { machine, step, signal } = options;
  try {
    switch (step.kind) {
      case "none":
        return;
      case "create":
        return await create(deps, options);
      case "end":
        await inTransaction(db, (tx) => endMachine(tx, { machineId: machine.id, reason: step.reason }));
        return;
      case "destroy":
      case "lose":
        return await takeAway(deps, options, step.reason);
      case "fail":
        return await fail(deps, options, step.reason);
    }
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    if (signal.aborted) return;
    deps.metrics.countError(machine.provider);
    const delayMs = error.retryable ? backoffMs(machine.tryCount + 1, RETRY, Math.random()) : REFUSED_RETRY_MS;
    logger.warn({ err: error, machine: machine.name, pool: machine.pool, delayMs }, "a provider failed");
    await noteProviderError(db, { machineId: machine.id, error: shorten(error.message), delayMs });
  }
}

type StepOptions = Parameters<typeof stepMachine>[1];

async function create(deps: StepDeps, { machine, open, isLocal, slots, signal }: StepOptions): Promise<void> {
  const { db, hostname, logger } = deps;
  const { id: machineId, name, pool, isEphemeral } = machine;
  const provider = open();
  if (isLocal && !(await claimMachine(db, { machineId, host: hostname }))) return;
  const joinToken = await deps.tokens.take(machine);
  await failpoint("machines.before-create");
  await provider.create({ name, pool, url: deps.joinUrl(machine), joinToken, slots, isEphemeral }, signal);
  await failpoint("machines.created");
  deps.tokens.forget(machineId);
  if (await noteCreated(db, machineId)) logger.info({ machine: name, pool }, "a machine was made");
}

/** First the machine, so that nothing of its jobs runs on while they are started elsewhere; then its agent; then the row. */
async function takeAway(deps: StepDeps, { machine, open, signal }: StepOptions, reason: string): Promise<void> {
  const { id: machineId, name, pool, agentId, agentState } = machine;
  await open().destroy(name, signal);
  await failpoint("machines.destroyed");
  if (agentId !== null && agentState !== "removed") await deps.removeAgent(agentId, reason || machine.reason);
  deps.tokens.forget(machineId);
  const why = reason || machine.reason;
  if (await noteGone(deps.db, { machineId, reason: why })) deps.logger.info({ machine: name, pool }, `gone: ${why}`);
}

async function fail(deps: StepDeps, { machine, open, signal }: StepOptions, reason: string): Promise<void> {
  const { id: machineId, name, pool } = machine;
  const provider = open();
  const words = await provider.readLastWords(name, signal).catch((error: unknown) => {
    if (error instanceof ProviderError) return "";
    throw error;
  });
  await provider.destroy(name, signal);
  deps.tokens.forget(machineId);
  const error = shorten(words === "" ? reason : `${reason}: ${words}`);
  deps.metrics.countError(machine.provider);
  if (await noteFailed(deps.db, { machineId, error })) deps.logger.warn({ machine: name, pool }, `failed: ${error}`);
}

function shorten(text: string): string {
  return text.length <= ERROR_CHARS_MAX ? text : `${text.slice(0, ERROR_CHARS_MAX)}…`;
}

import type { AgentId, AttemptId } from "@windrow/model";
import type { Clock } from "@windrow/service";
import { type Database, type RenewedLease, renewLeases, reviveAgents } from "@windrow/store";
import type { LeaseHeld } from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";

export interface Beat {
  readonly agentId: AgentId;
  readonly sessionNo: number;
  readonly held: readonly LeaseHeld[];
}

/** `grace`: the database did not answer in time; nothing was renewed as far as anybody knows. */
export type BeatAnswer =
  | { readonly kind: "renewed"; readonly isCurrent: boolean; readonly leases: readonly RenewedLease[] }
  | { readonly kind: "grace" };

/** Gathers heartbeats and renews their leases together. */
export interface RenewBatch {
  beat(beat: Beat): Promise<BeatAnswer>;
}

/** Heartbeats of this long share one statement. */
const GATHER_MS = 250;
/** A database slower than this is answered for from grace: the session lives, trust does not grow. */
const ANSWER_WITHIN_MS = 2_000;
const LEASES_PER_STATEMENT_MAX = 5_000;

export function createRenewBatch(deps: {
  readonly db: Database;
  readonly watch: DatabaseWatch;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}): RenewBatch {
  let gathering: { readonly beats: Map<AgentId, Beat>; readonly done: Promise<Map<AgentId, BeatAnswer>> } | undefined;

  function gather() {
    const beats = new Map<AgentId, Beat>();
    const done = deps.clock.sleep(GATHER_MS).then(() => {
      gathering = undefined;
      return Promise.race([renew([...beats.values()]), giveUp()]);
    });
    return { beats, done };
  }

  async function giveUp(): Promise<Map<AgentId, BeatAnswer>> {
    await deps.clock.sleep(ANSWER_WITHIN_MS);
    return new Map();
  }

  async function renew(beats: readonly Beat[]): Promise<Map<AgentId, BeatAnswer>> {
    const answers = new Map<AgentId, BeatAnswer>();
    try {
      for (const part of split(beats))
        for (const [agentId, answer] of await renewPart(part)) answers.set(agentId, answer);
    } catch (error) {
      deps.onError(error);
    }
    return answers;
  }

  async function renewPart(beats: readonly Beat[]): Promise<Map<AgentId, BeatAnswer>> {
    const held = beats.flatMap(({ agentId, sessionNo, held: leases }) =>
      leases.map((lease) => ({ ...lease, agentId, sessionNo })),
    );
    const { leases, currentAgentIds, suspectAgentIds } = await deps.watch.watch(() =>
      renewLeases(deps.db, beats, held),
    );
    if (suspectAgentIds.length > 0) await deps.watch.watch(() => reviveAgents(deps.db, suspectAgentIds));
    const current = new Set(currentAgentIds);
    const byAgent = Map.groupBy(leases, (lease) => lease.agentId);
    return new Map(
      beats.map(({ agentId }) => [
        agentId,
        { kind: "renewed" as const, isCurrent: current.has(agentId), leases: byAgent.get(agentId) ?? [] },
      ]),
    );
  }

  return {
    async beat(beat) {
      gathering ??= gather();
      const { beats, done } = gathering;
      beats.set(beat.agentId, merge(beats.get(beat.agentId), beat));
      return (await done).get(beat.agentId) ?? { kind: "grace" };
    },
  };
}

function merge(earlier: Beat | undefined, later: Beat): Beat {
  if (earlier === undefined || earlier.sessionNo > later.sessionNo) return earlier ?? later;
  const held = new Map<AttemptId, LeaseHeld>([...earlier.held, ...later.held].map((lease) => [lease.attemptId, lease]));
  return { ...later, held: [...held.values()] };
}

function split(beats: readonly Beat[]): Beat[][] {
  const parts: Beat[][] = [];
  let leasesCount = 0;
  for (const beat of beats) {
    const part = parts.at(-1);
    if (part === undefined || leasesCount + beat.held.length > LEASES_PER_STATEMENT_MAX) {
      parts.push([beat]);
      leasesCount = beat.held.length;
    } else {
      part.push(beat);
      leasesCount += beat.held.length;
    }
  }
  return parts;
}

import { asRunId } from "@windrow/model";
import type { CancelTarget, GroupRef } from "@windrow/store";
import { type Bus, cancelsTo, changesOf, hintsAbout } from "@windrow/wire";
import type { SessionRegistry } from "../agent-api/session-registry.ts";
import type { Advanced } from "./advance-run.ts";

/** Tells others what a transaction changed; every word is a hint, and silence costs at most a tick. */
export interface Announcer {
  announce(advanced: Advanced): void;
  /** The run changed without being moved on: for those who show it. */
  announceRun(runId: number): void;
  tellCancels(cancels: readonly CancelTarget[]): void;
}

export interface AnnouncerDeps {
  readonly bus: Bus | undefined;
  readonly sessions: SessionRegistry;
  /** Wakes dispatch here and on the controllers that hold the other pools. */
  readonly wakeDispatch: () => void;
  /** Called for every changed run, for readers of events in this process. */
  readonly onRunChanged: (runId: number) => void;
  /** Called for concurrency groups in which something is to be decided. */
  readonly onGroups: (groups: readonly GroupRef[]) => void;
}

/** Changes of one run that follow each other this closely are told once. */
const CHANGES_GATHER_MS = 20;

export function createAnnouncer(deps: AnnouncerDeps): Announcer {
  const { bus, sessions } = deps;

  const changed = new Set<number>();

  function announceRun(runId: number): void {
    if (changed.size === 0) setTimeout(publishChanges, CHANGES_GATHER_MS).unref();
    changed.add(runId);
  }

  function publishChanges(): void {
    for (const runId of changed) {
      deps.onRunChanged(runId);
      bus?.publish(changesOf(asRunId(runId)), { runId: asRunId(runId) });
    }
    changed.clear();
  }

  function tellCancels(cancels: readonly CancelTarget[]): void {
    for (const { agentId, attemptId, leaseId, reason } of cancels) {
      const cancel = { attemptId, leaseId, reason };
      // both ways: whichever arrives first counts, and either may be cut
      const isHere = sessions.send(agentId, { kind: "cancel", ...cancel });
      bus?.publish(cancelsTo(agentId), cancel);
      if (!isHere) bus?.publish(hintsAbout(agentId), { agentId, kind: "cancel", ...cancel });
    }
  }

  return {
    announceRun,
    tellCancels,
    announce(advanced) {
      // also when nothing entered the queue: an agent may have room again
      deps.wakeDispatch();
      tellCancels(advanced.cancels);
      if (advanced.groups.length > 0) deps.onGroups(advanced.groups);
      announceRun(advanced.runId);
    },
  };
}

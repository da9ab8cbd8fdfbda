import { type LeaseRef, Refusal } from "@windrow/model";
import { type Database, findRunImage, findRunOfLease, type RunOfLease, recordRunImage } from "@windrow/store";
import {
  type AgentCaller,
  FETCH_BYTES_MAX,
  type FetchActionRequest,
  type FetchReply,
  type PinImageReply,
  type PinImageRequest,
  type ResolveActionReply,
  type ResolveActionRequest,
} from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";
import type { Actions } from "./create-actions.ts";

export interface ServeActionsDeps {
  readonly db: Database;
  readonly watch: DatabaseWatch;
  readonly actions: Actions;
}

/** What a running attempt may ask about actions: only for its own run. */
export function serveActions({ db, watch, actions }: ServeActionsDeps) {
  async function runOf(caller: AgentCaller, lease: LeaseRef): Promise<RunOfLease> {
    const run = await findRunOfLease(db, { ...lease, agentId: caller.agentId });
    if (run === undefined) throw new Refusal("revoked", `attempt ${lease.attemptId} is not yours any more`);
    return run;
  }

  return {
    resolveAction: (
      caller: AgentCaller,
      { lease, repository, ref }: ResolveActionRequest,
    ): Promise<ResolveActionReply> =>
      watch.watch(async () => {
        const { runId, ...reader } = await runOf(caller, lease);
        return actions.resolve({ runId, repository, ref, reader });
      }),
    pinImage: (caller: AgentCaller, { lease, image, found }: PinImageRequest): Promise<PinImageReply> =>
      watch.watch(async () => {
        const { runId } = await runOf(caller, lease);
        const held =
          found === "" ? await findRunImage(db, { runId, image }) : await recordRunImage(db, runId, { image, found });
        return { found: held ?? "" };
      }),
    fetchAction: (caller: AgentCaller, { lease, repository, sha, offset }: FetchActionRequest): Promise<FetchReply> =>
      watch.watch(async () => {
        const { runId, ...reader } = await runOf(caller, lease);
        return actions.readTree({ runId, repository, sha, offset, reader, bytesMax: FETCH_BYTES_MAX });
      }),
  };
}

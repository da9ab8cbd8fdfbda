import { createHash } from "node:crypto";
import { Refusal } from "@windrow/model";
import { type Database, findRunOfLease } from "@windrow/store";
import { type AgentCaller, FETCH_BYTES_MAX, type FetchDocumentRequest, type FetchReply } from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";
import type { RunTexts } from "../runs/run-texts.ts";

export interface DocumentDeps {
  readonly db: Database;
  readonly watch: DatabaseWatch;
  readonly texts: RunTexts;
}

/** Serves the event of a running attempt's run in pieces. */
export function createFetchDocument(deps: DocumentDeps) {
  return async (caller: AgentCaller, request: FetchDocumentRequest): Promise<FetchReply> => {
    const { lease, digest, offset } = request;
    const run = await deps.watch.watch(() => findRunOfLease(deps.db, { ...lease, agentId: caller.agentId }));
    if (run === undefined) throw new Refusal("revoked", `attempt ${lease.attemptId} is not yours any more`);
    const text = await deps.watch.watch(() => deps.texts.read(deps.db, run.runId));
    const document = Buffer.from(text.eventJson);
    if (createHash("sha256").update(document).digest("hex") !== digest) {
      throw new Refusal("not_found", `the plan of attempt ${lease.attemptId} names no document ${digest}`);
    }
    return { data: document.subarray(offset, offset + FETCH_BYTES_MAX), totalBytes: document.length };
  };
}

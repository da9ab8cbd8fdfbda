import type { Check } from "@windrow/contract";
import type { AuditAuthor } from "./audit-author.ts";

/** What the HTTP API asks of the rest of the controller, apart from reading rows. */
export interface FarmPort {
  /** Asks a run or a job to end. Cancelling what is finished changes nothing. */
  cancel(request: {
    readonly target: { readonly runId: number } | { readonly jobId: number };
    readonly by: string;
    readonly reason: string;
  }): Promise<void>;
  /** Runs a finished run again. Throws `conflict` when it is not finished. */
  rerun(request: {
    readonly runId: number;
    readonly mode: "all" | "failed" | { readonly jobId: number };
    readonly by: string;
  }): Promise<unknown>;
  drainAgent(request: {
    readonly agentId: string;
    readonly draining: boolean;
    readonly reason: string;
    readonly author: AuditAuthor;
  }): Promise<void>;
  /** Takes an agent off the farm for good and its jobs elsewhere. */
  removeAgent(request: {
    readonly agentId: string;
    readonly reason: string;
    readonly author: AuditAuthor;
  }): Promise<void>;
  /** The NATS credential of an agent's own user. */
  issueNatsJwt(request: { readonly agentId: string; readonly natsPublicKey: string }): Promise<string>;
  /** Resolves when the run may have changed, at the latest after a second, at once on abort. */
  waitForRunChange(runId: number, signal: AbortSignal): Promise<void>;
  /** Durable bytes of one stream, from `from` up to `to` or the end. */
  readLog(request: {
    readonly attemptId: string;
    readonly stream: string;
    readonly from: number;
    readonly to: number | undefined;
  }): AsyncIterable<Uint8Array>;
  /** Bytes of all streams of an attempt, or of one, as they come; ends when the attempt's log is complete, or on abort. */
  tailLog(request: {
    readonly attemptId: string;
    readonly stream: string | undefined;
    /** Where to start in each stream. */
    readonly from: ReadonlyMap<string, number>;
    readonly signal: AbortSignal;
  }): AsyncIterable<{ readonly stream: string; readonly offset: number; readonly bytes: Uint8Array }>;
  /** Something may be grantable: a pool grants again, or a job moved to the top. */
  wakeDispatch(): void;
  /** What `doctor` looks at. */
  check(): Promise<readonly Check[]>;
}

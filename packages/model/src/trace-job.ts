import type { JobId, RepositoryId } from "./ids.ts";
import type { Trust } from "./states.ts";

/** One job of the recorded history of a pool: when it was ready, what it asked for, how long it ran. */
export interface TraceJob {
  readonly jobId: JobId;
  readonly repositoryId: RepositoryId;
  readonly owner: string;
  /** Of the job in its workflow file. */
  readonly key: string;
  readonly labels: readonly string[];
  readonly priority: number;
  readonly trust: Trust;
  readonly preferredPool: string | null;
  readonly needs: readonly JobId[];
  readonly readyAtMs: number;
  /** When an agent was given it. */
  readonly grantedAtMs: number;
  /** From then on until its end. */
  readonly runMs: number;
  readonly endedAtMs: number;
}

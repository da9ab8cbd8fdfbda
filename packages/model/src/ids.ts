/**
 * Branded ids. Run and job ids are 53-bit integers (`GITHUB_RUN_ID` is a number); attempts, leases, agents, sessions'
 * instances carry random UUIDs made by the application.
 */
export type RunId = number & { readonly __id: "run" };
export type JobId = number & { readonly __id: "job" };
export type RepositoryId = number & { readonly __id: "repository" };
export type AttemptId = string & { readonly __id: "attempt" };
export type LeaseId = string & { readonly __id: "lease" };
export type AgentId = string & { readonly __id: "agent" };
export type InstanceId = string & { readonly __id: "instance" };

export const asRunId = (value: number): RunId => value as RunId;
export const asJobId = (value: number): JobId => value as JobId;
export const asRepositoryId = (value: number): RepositoryId => value as RepositoryId;
export const asAttemptId = (value: string): AttemptId => value as AttemptId;
export const asLeaseId = (value: string): LeaseId => value as LeaseId;
export const asAgentId = (value: string): AgentId => value as AgentId;
export const asInstanceId = (value: string): InstanceId => value as InstanceId;

/** What every write by an agent names: the attempt, the lease it holds, and the session number of its connection. */
export interface LeaseRef {
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
  readonly sessionNo: number;
}

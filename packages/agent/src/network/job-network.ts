import type { EgressPolicy } from "@windrow/model";

export interface JobNetworkRequest {
  readonly attemptId: string;
  /** A process in the job's network namespace: the supervisor of a sandboxed job, `networkPid` of a containerised one. */
  readonly pid: number;
  /** Containers have the engine's network beside what is offered on their loopback. */
  readonly kind: "sandbox" | "container";
  readonly egress: EgressPolicy;
  readonly farmAccess: boolean;
  /** Ports of the machine's loopback that the job finds on its own, at the same number: services without a job container. */
  readonly ports: readonly number[];
  readonly signal: AbortSignal;
  /** Names on the job's own network, which are reached without the proxy. */
  readonly serviceNames?: readonly string[];
  /** A line for the job's log, when a program of it was refused what its pool does not allow; a bounded number of calls. */
  readonly onRefused?: (line: string) => void;
}

/** What a job with a network namespace of its own reaches, as long as it is open. */
export interface JobNetwork {
  /** For every step: how programs find the proxy, where there is one. */
  readonly env: { readonly [name: string]: string };
  /** Idempotent. */
  close(): Promise<void>;
}

export interface JobNetworks {
  /** Whether jobs can have a network of their own here; a sentence when not. */
  readonly problem: string | undefined;
  /**
   * Puts up the wall around containers; for jobs with containers, before any of them is made. Throws `BackendFault`
   * `network_failed`.
   */
  prepareContainers(): Promise<void>;
  /**
   * Offers the gateway on the namespace's loopback, at the port it has on the machine, and what the policy allows besides.
   * Called before the first step, and again by an agent that attaches to the job. Throws `BackendFault` `network_failed`.
   */
  open(request: JobNetworkRequest): Promise<JobNetwork>;
  close(): Promise<void>;
}

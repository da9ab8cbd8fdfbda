/** Who makes machines for agents: child processes here, containers of a Docker host, an admin's own commands. */
export const PROVIDER_KINDS = ["process", "docker", "command"] as const;
export type ProviderKind = (typeof PROVIDER_KINDS)[number];

/** When a policy's bounds are others, for example more warm agents in working hours. */
export interface ScheduleWindow {
  /** 0 (Sunday) to 6. */
  readonly days: readonly number[];
  /** "HH:MM", of `timezone`; a window whose end is not after its start goes over midnight. */
  readonly from: string;
  readonly to: string;
  /** IANA name. */
  readonly timezone: string;
  readonly min?: number;
  readonly max?: number;
  readonly warmMin?: number;
}

/** How many agents a pool is to have. */
export interface ScalingPolicy {
  /** Agents, never fewer; 0 scales to zero. */
  readonly min: number;
  readonly max: number;
  /** Agents that are idle are kept ready for the next job, up to this many, beside those that work. */
  readonly warmMin: number;
  /** An agent that is idle for longer is ended. */
  readonly idleMs: number;
  /** `targetPercent` of the jobs are to start within `targetWaitMs`. */
  readonly targetWaitMs: number;
  readonly targetPercent: number;
  /** An agent takes one job and is gone. */
  readonly isEphemeral: boolean;
  readonly windows: readonly ScheduleWindow[];
}

export const SCALING_POLICY_DEFAULT: ScalingPolicy = {
  min: 0,
  max: 1,
  warmMin: 0,
  idleMs: 5 * 60_000,
  targetWaitMs: 10_000,
  targetPercent: 95,
  isEphemeral: false,
  windows: [],
};

/** What a pool's provider is told; it carries no secret (those stand in files that the controller reads). */
export type ProviderSettings =
  | {
      readonly kind: "process";
      /** The machine whose controller runs them; its host name. */
      readonly host: string;
    }
  | {
      readonly kind: "docker";
      /** `unix:///var/run/docker.sock` or `tcp://…`. */
      readonly socket: string;
      readonly image: string;
      readonly network?: string;
      readonly memoryBytes?: number;
      readonly cpus?: number;
    }
  | {
      readonly kind: "command";
      /** Programs with their arguments; no shell. */
      readonly create: readonly string[];
      readonly destroy: readonly string[];
      readonly list: readonly string[];
      readonly timeoutMs?: number;
    };

/** A tool of a language that an agent has, as it answered when it was run: `node` and `24.21.0`. */
export interface Toolchain {
  readonly name: string;
  readonly version: string;
}

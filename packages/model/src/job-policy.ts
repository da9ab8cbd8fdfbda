/** How the steps of a job are held: as processes of the machine, or behind a sandbox. */
export const CONFINEMENTS = ["host", "sandbox"] as const;
export type Confinement = (typeof CONFINEMENTS)[number];

/** What of the outside a sandboxed or containerised job reaches. */
export type EgressPolicy =
  | { readonly kind: "all" }
  | { readonly kind: "none" }
  /** `name`, `*.name`, either with `:port`; without a port 80 and 443. */
  | { readonly kind: "allow"; readonly hosts: readonly string[] };

/** What one job may use; no limit where there is none. */
export interface JobLimits {
  readonly memoryBytes?: number;
  readonly processesMax?: number;
  /** Of its work folder. */
  readonly diskBytes?: number;
}

/** What containers of a job may be given beyond what every one may; an admin's word. */
export interface ContainerAllowances {
  readonly isPrivileged: boolean;
  /** `--cap-add` of these, without `CAP_`, upper case. */
  readonly capabilities: readonly string[];
  /** `--device` of these. */
  readonly devices: readonly string[];
  /** Folders and files of the machine that volumes may name, with all below them. The engine's socket is one of them. */
  readonly volumes: readonly string[];
  /** `--network host`, `--pid host`, `--ipc host`. */
  readonly hostNamespaces: readonly ("network" | "pid" | "ipc")[];
}

/** How a pool's agents run jobs. */
export interface JobPolicy {
  /** Undefined: as each agent was started. */
  readonly confinement?: Confinement;
  readonly egress: EgressPolicy;
  /** Sandboxed and containerised jobs reach the farm's own addresses: the controllers, NATS, Postgres, the agent's machine. */
  readonly farmAccess: boolean;
  /** False: jobs with containers are refused. */
  readonly containersAllowed: boolean;
  readonly containers: ContainerAllowances;
  readonly limits: JobLimits;
}

export const CONTAINER_ALLOWANCES_DEFAULT: ContainerAllowances = {
  isPrivileged: false,
  capabilities: [],
  devices: [],
  volumes: [],
  hostNamespaces: [],
};

export const JOB_POLICY_DEFAULT: JobPolicy = {
  egress: { kind: "all" },
  farmAccess: false,
  containersAllowed: true,
  containers: CONTAINER_ALLOWANCES_DEFAULT,
  limits: {},
};

/** What an admin set for a pool; everything else is as by default. */
export type PoolJobSettings = Partial<JobPolicy>;

/** What holds for a pool's jobs. Pools that take untrusted work put it into a sandbox unless an admin said otherwise. */
export function effectiveJobPolicy(
  settings: PoolJobSettings | null,
  { untrustedAllowed }: { readonly untrustedAllowed: boolean },
): JobPolicy {
  return { ...JOB_POLICY_DEFAULT, ...(untrustedAllowed && { confinement: "sandbox" as const }), ...settings };
}

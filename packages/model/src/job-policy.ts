/** How the steps of a job are held: as processes of the machine, or behind a sandbox. */
export const CONFINEMENTS = ["host", "sandbox"] as const;
export type Confinement = (typeof CONFINEMENTS)[number];

export const EGRESS_KINDS = ["all", "none", "allow"] as const;
/** Names that one pool may allow. */
export const EGRESS_HOSTS_MAX = 200;
export const EGRESS_HOST_CHARS_MAX = 260;
export const HOST_NAMESPACES = ["network", "pid", "ipc"] as const;
/** Entries of each list of what containers may be given. */
export const CONTAINER_ALLOWANCES_MAX = 100;
/** Of a sandboxed job when nobody said. */
export const SANDBOX_PROCESSES_MAX_DEFAULT = 4_096;

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
  /** Stored of its log; JOB_LOG_BYTES_DEFAULT where nothing is said. */
  readonly logBytes?: number;
}

/** The step goes on beyond it, and the end of its output is kept. */
export const JOB_LOG_BYTES_DEFAULT = 512 * 1024 * 1024;

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
  readonly hostNamespaces: readonly (typeof HOST_NAMESPACES)[number][];
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
  const policy = { ...JOB_POLICY_DEFAULT, ...(untrustedAllowed && { confinement: "sandbox" as const }), ...settings };
  return policy.confinement === "sandbox" ? { ...policy, limits: sandboxLimits(policy.limits) } : policy;
}

/** As the policy holds on an agent that puts jobs there when its pool does not say where. */
export function settledJobPolicy(
  policy: JobPolicy,
  agentConfinement: Confinement,
): JobPolicy & { confinement: Confinement } {
  const confinement = policy.confinement ?? agentConfinement;
  return { ...policy, confinement, limits: confinement === "sandbox" ? sandboxLimits(policy.limits) : policy.limits };
}

const sandboxLimits = (limits: JobLimits): JobLimits => ({ processesMax: SANDBOX_PROCESSES_MAX_DEFAULT, ...limits });

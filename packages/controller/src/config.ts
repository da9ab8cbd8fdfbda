import { hostname } from "node:os";
import { resolve } from "node:path";
import { type ActionSettings, isRepositoryPattern } from "./actions/action-rules.ts";

/** HTTPS. */
export interface TlsConfig {
  /** 0 takes any free one. */
  readonly port: number;
  /** Shown to people instead of the farm's own certificate. */
  readonly own?: { readonly certFile: string; readonly keyFile: string };
  /** Whether a port that is taken is no reason not to start. */
  readonly isOptional: boolean;
}

/** What is needed to make machines for agents. */
export interface MachinesConfig {
  /** A folder of this host alone, for what providers keep. */
  readonly dir: string;
  /** The agent's program and its arguments, for agents that are processes here. */
  readonly agentCommand?: readonly string[];
  /** Such agents end with the controller; else they go on without it, and it finds them again. */
  readonly endsProcesses: boolean;
  /** What such agents and an admin's commands inherit. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where agents on machines join. Absent: the loopback for processes here, else the public address. */
  readonly url?: string;
  /** With ca.pem, cert.pem and key.pem, for Docker engines on the network. */
  readonly engineCertDir?: string;
}

/** Everything the controller is told from outside. Times of leases stand in the pool's row. */
export interface ControllerConfig {
  readonly databaseUrl: string;
  /** Connections to the database, at most. */
  readonly databaseConnectionsMax: number;
  /** Absent: a farm without NATS, where offers go down the agents' sessions only. */
  readonly nats?: {
    readonly urls: readonly string[];
    readonly publicUrls: readonly string[];
    readonly keysFile: string;
  };
  /** Blobs in DIR/blobs, hosted repositories in DIR/git; controllers of one farm share it. */
  readonly dataDir: string;
  /** The farm's authority and what it issued; controllers of one farm share it. */
  readonly tlsDir: string;
  /** With `tls` the address for HTTPS and agents, while plain HTTP stays on 127.0.0.1. */
  readonly listen: string;
  /** Absent: HTTP is plain, and only agents of this machine may join. */
  readonly tls?: TlsConfig;
  /** 0 takes any free one. */
  readonly port: number;
  readonly grpcPort: number;
  /** Absent: the listening address. */
  readonly publicUrl?: string;
  /** What joining answers, comma-separated when there are several controllers. Absent: the listening address. */
  readonly grpcPublicAddress?: string;
  readonly adminTokenFile: string;
  /** Absent: agents join by themselves only. */
  readonly machines?: MachinesConfig;
  /** Absent: actions come from repositories hosted here only. */
  readonly actions?: ActionSettings;
  readonly logLevel: string;
  readonly hostname: string;
  readonly path: string;
}

/** Thrown for a missing or wrong setting; says which, and what to do. */
export class ConfigError extends Error {
  readonly code = "config";

  constructor(problems: readonly string[]) {
    super(`the controller cannot start:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigError";
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];
const CONNECTIONS_DEFAULT = 12;
const CONNECTIONS_MAX = 500;
const PORT_MAX = 65_535;

/** Reads and checks the whole environment, naming every problem at once. Throws ConfigError. */
export function readConfig(env: Environment): ControllerConfig {
  const problems: string[] = [];
  const text = (name: string): string | undefined => env[name]?.trim() || undefined;
  const required = (name: string, what: string): string => {
    const value = text(name);
    if (value === undefined) problems.push(`${name} is not set: ${what}`);
    return value ?? "";
  };
  const integer = (name: string, options: { readonly fallback: number; readonly max: number }): number => {
    const value = text(name);
    if (value === undefined) return options.fallback;
    const number = Number(value);
    if (!Number.isInteger(number) || number < 0 || number > options.max) {
      problems.push(`${name} must be a whole number up to ${options.max}, not "${value}"`);
    }
    return number;
  };
  const list = (value: string | undefined): string[] =>
    (value ?? "").split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));

  const dataDir = resolve(required("WINDROW_DATA_DIR", "the folder for logs and repositories"));
  const natsUrls = list(text("WINDROW_NATS_URL"));
  const keysFile = text("WINDROW_NATS_KEYS_FILE");
  if (natsUrls.length > 0 && keysFile === undefined) {
    problems.push("WINDROW_NATS_KEYS_FILE is not set: with WINDROW_NATS_URL the farm's NATS keys are needed");
  }
  const logLevel = text("WINDROW_LOG_LEVEL") ?? "info";
  if (!LOG_LEVELS.includes(logLevel))
    problems.push(`WINDROW_LOG_LEVEL must be one of ${LOG_LEVELS.join(", ")}, not "${logLevel}"`);
  const publicUrl = text("WINDROW_PUBLIC_URL")?.replace(/\/+$/, "");
  if (publicUrl !== undefined && !URL.canParse(publicUrl))
    problems.push(`WINDROW_PUBLIC_URL is not a URL: "${publicUrl}"`);
  const grpcPublicAddress = text("WINDROW_GRPC_PUBLIC_ADDRESS");
  const publicNatsUrls = list(text("WINDROW_NATS_PUBLIC_URL"));
  const patterns = (name: string): string[] | undefined => {
    const value = text(name);
    for (const pattern of list(value)) {
      if (!isRepositoryPattern(pattern)) {
        problems.push(`${name} must list owner/name, owner/* or *, not "${pattern}"`);
      }
    }
    return value === undefined ? undefined : list(value);
  };
  const actionsDir = text("WINDROW_ACTIONS_DIR");
  const actionsUrl = text("WINDROW_ACTIONS_URL")?.replace(/\/+$/, "");
  if (actionsUrl !== undefined && !/^https?:$/.test(URL.parse(actionsUrl)?.protocol ?? "")) {
    problems.push("WINDROW_ACTIONS_URL is not an http or https URL of a git server");
  }
  const tlsCertFile = text("WINDROW_TLS_CERT_FILE");
  const tlsKeyFile = text("WINDROW_TLS_KEY_FILE");
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined)) {
    problems.push("WINDROW_TLS_CERT_FILE and WINDROW_TLS_KEY_FILE belong together: set both or none");
  }
  const hasTls = text("WINDROW_TLS_PORT") !== undefined;
  if (tlsCertFile !== undefined && !hasTls) {
    problems.push("WINDROW_TLS_PORT is not set: the port on which the certificate of WINDROW_TLS_CERT_FILE is shown");
  }
  const optional = text("WINDROW_TLS_OPTIONAL") ?? "no";
  if (optional !== "yes" && optional !== "no") {
    problems.push(`WINDROW_TLS_OPTIONAL must be yes or no, not "${optional}"`);
  }
  const tls = {
    port: integer("WINDROW_TLS_PORT", { fallback: 7443, max: PORT_MAX }),
    ...(tlsCertFile !== undefined &&
      tlsKeyFile !== undefined && { own: { certFile: resolve(tlsCertFile), keyFile: resolve(tlsKeyFile) } }),
    isOptional: optional === "yes",
  };
  const config: ControllerConfig = {
    databaseUrl: required("WINDROW_DATABASE_URL", "for example postgres://user:password@host:5432/windrow"),
    databaseConnectionsMax: integer("WINDROW_DATABASE_CONNECTIONS", {
      fallback: CONNECTIONS_DEFAULT,
      max: CONNECTIONS_MAX,
    }),
    ...(natsUrls.length > 0 &&
      keysFile !== undefined && {
        nats: { urls: natsUrls, publicUrls: publicNatsUrls.length > 0 ? publicNatsUrls : natsUrls, keysFile },
      }),
    dataDir,
    tlsDir: resolve(text("WINDROW_TLS_DIR") ?? resolve(dataDir, "tls")),
    listen: text("WINDROW_LISTEN") ?? "127.0.0.1",
    ...(hasTls && { tls }),
    port: integer("WINDROW_PORT", { fallback: 7070, max: PORT_MAX }),
    grpcPort: integer("WINDROW_GRPC_PORT", { fallback: 7071, max: PORT_MAX }),
    ...(publicUrl !== undefined && { publicUrl }),
    ...(grpcPublicAddress !== undefined && { grpcPublicAddress }),
    adminTokenFile: text("WINDROW_ADMIN_TOKEN_FILE") ?? resolve(dataDir, "admin-token"),
    machines: readMachines(env, { dataDir, problems }),
    actions: {
      ...(actionsDir !== undefined && { mirrorDir: resolve(actionsDir) }),
      ...(actionsUrl !== undefined && { baseUrl: actionsUrl }),
      allowed: patterns("WINDROW_ACTIONS_ALLOWED") ?? ["*"],
      shared: patterns("WINDROW_ACTIONS_SHARED") ?? [],
    },
    logLevel,
    hostname: hostname(),
    path: text("PATH") ?? "/usr/bin:/bin",
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** What agents that are processes here, and an admin's commands, get of the controller's own environment. */
const PASSED_TO_MACHINES = [
  ...["PATH", "HOME", "LANG", "LC_ALL", "TZ", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"],
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
  ...["GIT_SSL_CAINFO", "npm_config_registry", "NPM_CONFIG_REGISTRY"],
  ...["WINDROW_AGENT_TOOL_CACHE", "WINDROW_AGENT_NPM_REGISTRY", "WINDROW_LOG_LEVEL"],
];

function readMachines(
  env: Environment,
  { dataDir, problems }: { readonly dataDir: string; readonly problems: string[] },
): MachinesConfig {
  const text = (name: string): string | undefined => env[name]?.trim() || undefined;
  const url = text("WINDROW_MACHINES_URL")?.replace(/\/+$/, "");
  if (url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    problems.push(`WINDROW_MACHINES_URL is not an http or https URL: "${url}"`);
  }
  const command = text("WINDROW_MACHINES_AGENT_COMMAND");
  const agentCommand = command === undefined ? undefined : parseCommand(command);
  if (command !== undefined && agentCommand === undefined) {
    problems.push('WINDROW_MACHINES_AGENT_COMMAND must be a JSON list of words, for example ["windrow-agent"]');
  }
  const engineCertDir = text("WINDROW_DOCKER_CERT_DIR");
  const end = text("WINDROW_MACHINES_END") ?? "never";
  if (end !== "never" && end !== "with-controller") {
    problems.push(`WINDROW_MACHINES_END must be never or with-controller, not "${end}"`);
  }
  const environment = Object.fromEntries(
    PASSED_TO_MACHINES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  );
  return {
    dir: resolve(text("WINDROW_MACHINES_DIR") ?? resolve(dataDir, "machines", hostname())),
    environment,
    endsProcesses: end === "with-controller",
    ...(agentCommand !== undefined && { agentCommand }),
    ...(url !== undefined && { url }),
    ...(engineCertDir !== undefined && { engineCertDir: resolve(engineCertDir) }),
  };
}

function parseCommand(text: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isCommand = Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === "string");
    return isCommand && value[0] !== "" ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

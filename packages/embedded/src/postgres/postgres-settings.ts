export interface PostgresSettings {
  readonly socketDir: string;
  readonly connectionsMax: number;
  /** True only for throw-away databases: a power cut or kernel crash loses them. */
  readonly isThrowAway: boolean;
}

/**
 * The whole postgresql.conf, written again at every start. Durability is never traded for speed: fsync and
 * synchronous_commit stay on, and throughput comes from group commit and from few, large checkpoints.
 */
export function renderPostgresSettings(settings: PostgresSettings): string {
  const lines: readonly (readonly [string, string])[] = [
    ["listen_addresses", ""],
    ["port", "5432"],
    ["unix_socket_directories", settings.socketDir],
    ["unix_socket_permissions", "0700"],
    ["max_connections", String(settings.connectionsMax)],
    ["shared_buffers", settings.isThrowAway ? "64MB" : "128MB"],
    ["work_mem", "8MB"],
    ["maintenance_work_mem", "64MB"],
    ["random_page_cost", "1.1"],
    ["max_parallel_workers_per_gather", "0"],
    ["jit", "off"],
    ["wal_level", "replica"],
    ["wal_compression", "on"],
    ["max_wal_size", "1GB"],
    ["checkpoint_timeout", "15min"],
    ["checkpoint_completion_target", "0.9"],
    // Lets commits that happen together share one flush; a commit alone (fewer than 5 siblings) is not delayed.
    ["commit_delay", "200"],
    ["commit_siblings", "5"],
    // Queue tables change all the time and stay small: vacuum them early.
    ["autovacuum_naptime", "15s"],
    ["autovacuum_vacuum_scale_factor", "0.05"],
    ["autovacuum_analyze_scale_factor", "0.05"],
    ["password_encryption", "scram-sha-256"],
    ["timezone", "UTC"],
    ["log_timezone", "UTC"],
    ["log_checkpoints", "off"],
    ["log_destination", "stderr"],
    ["fsync", settings.isThrowAway ? "off" : "on"],
    ["synchronous_commit", settings.isThrowAway ? "off" : "on"],
    ["full_page_writes", settings.isThrowAway ? "off" : "on"],
  ];
  const text = lines.map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`).join("");
  return `# Written at every start. Your own settings go into ../postgresql.local.conf.\n${text}include_if_exists = '../postgresql.local.conf'\n`;
}

/** Every connection is local and needs the password. */
export const HOST_RULES = "# Written at every start.\nlocal all all scram-sha-256\n";

import path from "node:path";

/** The flags of `windrow up` that are about its controller's actions and its agents. */
export interface PartFlags {
  readonly labels?: string;
  readonly actionsDir?: string;
  readonly actionsUrl?: string;
  readonly actionsAllowed?: string;
  readonly actionsShared?: string;
}

/** Variables for the processes of a farm, beside those that say where its parts are. */
export interface PartSettings {
  readonly controller: Readonly<Record<string, string>>;
  readonly agent: Readonly<Record<string, string>>;
}

/** What `windrow agent run` is told by flags and variables, all agents of a farm are told by variables. */
const AGENT_PASSED = [
  "WINDROW_AGENT_BACKEND",
  "WINDROW_AGENT_DOCKER",
  "WINDROW_AGENT_SUBNET",
  "WINDROW_AGENT_READABLE",
  "WINDROW_AGENT_CACHE_DISK",
  "WINDROW_AGENT_DISK_RESERVE",
  "WINDROW_AGENT_TOOL_CACHE",
  "WINDROW_AGENT_NPM_REGISTRY",
] as const;

/** Flags win over the environment; nothing else that is named WINDROW_… reaches the parts. */
export function readPartSettings(
  flags: PartFlags,
  environment: Readonly<Record<string, string | undefined>>,
  cwd: string,
): PartSettings {
  const folder = flags.actionsDir ?? environment.WINDROW_ACTIONS_DIR;
  const controller = {
    WINDROW_ACTIONS_DIR: folder && path.resolve(cwd, folder),
    WINDROW_ACTIONS_URL: flags.actionsUrl ?? environment.WINDROW_ACTIONS_URL,
    WINDROW_ACTIONS_ALLOWED: flags.actionsAllowed ?? environment.WINDROW_ACTIONS_ALLOWED,
    WINDROW_ACTIONS_SHARED: flags.actionsShared ?? environment.WINDROW_ACTIONS_SHARED,
  };
  const agent = {
    WINDROW_AGENT_LABELS: flags.labels ?? environment.WINDROW_AGENT_LABELS,
    ...Object.fromEntries(AGENT_PASSED.map((name) => [name, environment[name]])),
  };
  return { controller: given(controller), agent: given(agent) };
}

function given(settings: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, value]])),
  );
}

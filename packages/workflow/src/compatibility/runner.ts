import { type Entry, partly, refused, supported } from "./entry.ts";

/** Commands in the output of a step. */
export const COMMANDS: readonly Entry[] = [
  supported("error", "with file, line, endLine, col, endColumn, title; ten of each kind a step"),
  supported("warning"),
  supported("notice"),
  supported("debug"),
  supported("group"),
  supported("endgroup"),
  supported(
    "add-mask",
    "every line of it, in base64 and escaped too; from there on in logs, annotations and summaries",
  ),
  supported("stop-commands"),
  supported("echo"),
  supported("add-matcher"),
  supported("remove-matcher"),
  supported("set-output", "still honoured; write to GITHUB_OUTPUT instead"),
  supported("save-state", "still honoured; write to GITHUB_STATE instead"),
  refused("set-env", "fails the step unless it has ACTIONS_ALLOW_UNSECURE_COMMANDS; write to GITHUB_ENV instead"),
  refused("add-path", "fails the step unless it has ACTIONS_ALLOW_UNSECURE_COMMANDS; write to GITHUB_PATH instead"),
];

/** Files that a step writes. */
export const FILES: readonly Entry[] = [
  supported("GITHUB_ENV", "name=value and name<<DELIMITER; not NODE_OPTIONS"),
  supported("GITHUB_OUTPUT"),
  supported("GITHUB_PATH"),
  supported("GITHUB_STATE", "for the after-part of an action"),
  supported("GITHUB_STEP_SUMMARY", "1 MiB a step"),
];

/** Values of `shell`. */
export const SHELLS: readonly Entry[] = [
  supported("(none)", "`bash -e {0}`, which is not `bash`: no pipefail; `sh -e {0}` where there is no bash"),
  supported("bash", "`bash --noprofile --norc -eo pipefail {0}`"),
  supported("sh", "`sh -e {0}`; all that an image without bash has by default"),
  supported("python", "`python {0}`"),
  supported("pwsh", "where the program is there"),
  supported("a command with {0}"),
  refused("cmd", "of Windows; agents run Linux"),
  refused("powershell", "of Windows; use pwsh"),
];

/** Values of `uses` of a step. */
export const ACTIONS: readonly Entry[] = [
  partly("actions/checkout", "built in, with LFS; repositories of this farm that let the job in; no ssh-key"),
  partly("actions/setup-node", "built in; versions the agent has, others from the npm registry; no caching"),
  partly("actions/setup-python", "built in; versions the agent has; no caching"),
  partly("actions/setup-go", "built in; versions the agent has, others from the Go module proxy; no caching"),
  partly("actions/setup-java", "built in; versions the agent has; no caching"),
  supported(
    "owner/name[/path]@ref",
    "from the farm's own repositories, a mirror folder or a git server; the run records the commit",
  ),
  supported("./path", "of the workspace"),
  supported("$/path", "of the repository of the file that says it"),
  supported("composite actions", "nested ten deep"),
  supported(
    "JavaScript actions",
    "pre, main, post; node20 and node24; node12 and node16 run on the agent's Node with a warning",
  ),
  supported(
    "Docker actions",
    "on agents with a Docker engine; image from a Dockerfile or docker://, args, env, entrypoint, pre-entrypoint, post-entrypoint",
  ),
  supported("docker://image", "as Docker actions; the run records the digest where a registry gives one"),
  refused(
    "actions/cache, actions/upload-artifact, actions/download-artifact",
    "they run, and are told that the farm keeps no caches and artifacts yet",
  ),
];

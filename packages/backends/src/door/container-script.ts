import { BackendFault } from "../backend-fault.ts";
import { checkStep, isPlainName } from "../host/launch-script.ts";
import { shellQuote } from "../host/shell-quote.ts";
import type { StartStepOptions } from "../step-backend.ts";

/**
 * The script that becomes a step in a job's container. What shells do not accept as a variable's name goes through `env`:
 * nothing else can be counted on there, and nobody but the container's own processes sees its arguments. Throws `step_invalid`.
 */
export function encodeContainerScript(options: StartStepOptions): string {
  checkStep(options);
  const command = options.argv.map(shellQuote).join(" ");
  const head = `umask 022\ncd ${shellQuote(options.cwd)} || exit 126\nunset PWD OLDPWD SHLVL\n`;
  const variables = Object.entries(options.env);
  const exports = variables
    .filter(([name]) => isPlainName(name))
    .map(([name, value]) => `export ${name}=${shellQuote(value)}\n`)
    .join("");
  const odd = variables.filter(([name]) => !isPlainName(name)).map(([name, value]) => shellQuote(`${name}=${value}`));
  if (odd.length === 0) return `${head}${exports}exec ${command} </dev/null 5<&-\n`;
  if (options.argv[0]?.includes("=")) {
    throw new BackendFault("step_invalid", `step ${options.stepNo} cannot be started: its program's name holds "="`);
  }
  // Not by PATH, which is the job's own.
  const env = `set -- /usr/bin/env\n[ -x "$1" ] || set -- /bin/env\n`;
  return `${head}${env}${exports}exec "$1" -- ${odd.join(" ")} ${command} </dev/null 5<&-\n`;
}

import { BackendFault } from "../backend-fault.ts";
import type { StartStepOptions } from "../step-backend.ts";
import { shellQuote } from "./shell-quote.ts";

/** Programs that can set variables whose names no shell accepts. */
export interface OddNameLauncher {
  readonly kind: "perl" | "node";
  /** Absolute. */
  readonly path: string;
}

export interface LaunchScriptOptions {
  readonly oddNameLauncher: OddNameLauncher;
  /** The supervisor waits for word on descriptor 5 that the step is where it belongs. */
  readonly isSandboxed?: boolean;
}

/** Linux: one argument or variable may not be longer (MAX_ARG_STRLEN, 32 pages). */
const variableBytesMax = 131_071;

/**
 * The script that the job's user runs to become the step. It is opened through descriptor 3, which the step does not get,
 * so that neither the path nor any value in it is visible to anybody: not as an argument, not as a file. Throws `step_invalid`.
 */
export function encodeLaunchScript(
  options: StartStepOptions,
  { oddNameLauncher, isSandboxed = false }: LaunchScriptOptions,
): string {
  checkStep(options);
  const command = options.argv.map(shellQuote).join(" ");
  const arrival = isSandboxed ? "echo end >&5\nexec 5>&-\n" : "";
  const head = `${arrival}umask 022\ncd ${shellQuote(options.cwd)} || exit 126\nunset PWD OLDPWD\n`;
  const variables = Object.entries(options.env);
  if (variables.every(([name]) => isPlainName(name))) {
    const exports = variables.map(([name, value]) => `export ${name}=${shellQuote(value)}\n`).join("");
    return `${head}${exports}exec ${command} </dev/null 3<&-\n`;
  }
  // Then all variables go this way, so that the launcher itself starts with none of them (PERL5OPT, NODE_OPTIONS, LC_ALL).
  const lines = variables.map(([name, value]) => `${encodeHex(name)} ${encodeHex(value)}\n`).join("");
  const launcher = `${shellQuote(oddNameLauncher.path)} -e ${shellQuote(launchers[oddNameLauncher.kind])}`;
  return `${head}exec ${launcher} -- ${command} 3<&- <<'END'\n${lines}END\n`;
}

/** Names a shell gives a meaning of its own cannot simply be exported: it would refuse, change or drop their values. */
const shellNames = new Set([
  "OPTIND",
  "LINENO",
  "PPID",
  "PWD",
  "OLDPWD",
  "IFS",
  "PS1",
  "PS2",
  "PS4",
  "HISTSIZE",
  "TERM",
]);

/** Whether every shell sets a variable of this name as it is told. */
export function isPlainName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !shellNames.has(name);
}

/** Throws `step_invalid` for what no process can be given. */
export function checkStep({ stepNo, argv, env, cwd }: StartStepOptions): void {
  const refuse = (reason: string): never => {
    throw new BackendFault("step_invalid", `step ${stepNo} cannot be started: ${reason}`);
  };
  if (!Number.isSafeInteger(stepNo) || stepNo < 1) refuse("step numbers count from 1");
  if (!argv[0] || argv[0].startsWith("-")) refuse("it names no program");
  if ([...argv, cwd].some((word) => word.includes("\0"))) refuse("an argument holds a NUL byte");
  if (!cwd.startsWith("/")) refuse(`the working directory is not absolute: ${cwd}`);
  for (const [name, value] of Object.entries(env)) {
    if (name === "" || /[=\0]/.test(name)) refuse(`"${name.slice(0, 100)}" is no name for a variable`);
    if (value.includes("\0")) refuse(`variable ${name} holds a NUL byte`);
    if (Buffer.byteLength(name) + Buffer.byteLength(value) + 2 > variableBytesMax) {
      refuse(`variable ${name} is longer than the ${variableBytesMax} bytes a process can be given`);
    }
  }
}

function encodeHex(text: string): string {
  return Buffer.from(text).toString("hex");
}

const launchers = {
  perl: `while (<STDIN>) { chomp; my ($k, $v) = map { pack "H*", $_ } split / /, $_, 2; $v = "" unless defined $v; $ENV{$k} = $v }
open STDIN, "<", "/dev/null"; exec { $ARGV[0] } @ARGV; print STDERR "$ARGV[0]: $!\\n"; exit 127`,
  node: `const fs = require("fs"), path = require("path"), env = {}, argv = process.argv.slice(1);
const text = (hex) => Buffer.from(hex, "hex").toString();
for (const line of fs.readFileSync(0, "latin1").split("\\n").slice(0, -1)) env[text(line.split(" ")[0])] = text(line.split(" ")[1]);
const folders = argv[0].includes("/") ? [""] : (env.PATH || "/usr/local/bin:/usr/bin:/bin").split(":");
fs.closeSync(0); fs.openSync("/dev/null", "r");
let reason = "not found";
for (const folder of folders) {
  const file = path.resolve(folder, argv[0]);
  try { fs.accessSync(file, fs.constants.X_OK); if (fs.statSync(file).isFile()) process.execve(file, argv, env); }
  catch (error) { if (error.code !== "ENOENT") reason = error.message; }
}
console.error(argv[0] + ": " + reason); process.exit(127)`,
} as const;

import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { BackendFault } from "../backend-fault.ts";

/** Programs that networks of jobs are made with; absolute paths. */
export interface NetworkTools {
  readonly nsenter: string;
  readonly ip: string;
  readonly iptables: string;
  readonly iptablesSave: string;
  readonly iptablesRestore: string;
}

const PACKAGES: { readonly [tool in keyof NetworkTools]: readonly [program: string, package_: string] } = {
  nsenter: ["nsenter", "util-linux"],
  ip: ["ip", "iproute2"],
  iptables: ["iptables", "iptables"],
  iptablesSave: ["iptables-save", "iptables"],
  iptablesRestore: ["iptables-restore", "iptables"],
};
const FOLDERS = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
const TOOL_MS_MAX = 20_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** Whether this process can give jobs a network of their own; `problem` is a sentence for people. */
export async function findNetworkTools(): Promise<NetworkTools | { readonly problem: string }> {
  if (process.getuid?.() !== 0) {
    return { problem: "jobs have no network of their own here: the agent does not run as root" };
  }
  const found = new Map<string, string>();
  for (const [tool, [program, package_]] of Object.entries(PACKAGES)) {
    const path = await findProgram(program);
    if (path === undefined) {
      return { problem: `jobs have no network of their own here: ${program} is not installed (package ${package_})` };
    }
    found.set(tool, path);
  }
  const path = (tool: keyof NetworkTools) => found.get(tool) ?? "";
  return {
    nsenter: path("nsenter"),
    ip: path("ip"),
    iptables: path("iptables"),
    iptablesSave: path("iptablesSave"),
    iptablesRestore: path("iptablesRestore"),
  };
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of FOLDERS) {
    const path = join(folder, name);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

export interface ToolAnswer {
  /** 0 unless it failed. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one of them to its end. A failure is an answer; throws `network_failed` when it could not be run at all. */
export function tryTool(path: string, args: readonly string[], input = ""): Promise<ToolAnswer> {
  return new Promise((resolve, reject) => {
    const options = { cwd: "/", env: {}, timeout: TOOL_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX } as const;
    const child = execFile(path, args, options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : error.code;
      if (typeof exitCode === "number") resolve({ exitCode, stdout, stderr });
      else reject(new BackendFault("network_failed", `${path} could not be run: ${error?.message}`, { cause: error }));
    });
    // A program that ends without reading is told apart by its exit code.
    child.stdin?.on("error", () => child.stdin?.destroy());
    child.stdin?.end(input);
  });
}

/** What it wrote. Throws `network_failed` with its own words when it fails. */
export async function runTool(path: string, args: readonly string[], input = ""): Promise<string> {
  const { exitCode, stdout, stderr } = await tryTool(path, args, input);
  if (exitCode === 0) return stdout;
  throw new BackendFault("network_failed", `${path} ${args.join(" ")} ended with ${exitCode}: ${stderr.trim()}`);
}

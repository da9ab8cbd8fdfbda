import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import type { Check } from "@windrow/contract";

const FOLDERS = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
const PROGRAMS = [
  ["ip", "iproute2"],
  ["iptables", "iptables"],
  ["nsenter", "util-linux"],
] as const;
const NAME = "job networks";

/** Whether an agent of this user could give jobs networks of their own. */
export async function checkNetworks(
  of: { readonly isRoot: boolean; readonly folders?: readonly string[] } = { isRoot: process.getuid?.() === 0 },
): Promise<Check> {
  const { isRoot, folders = FOLDERS } = of;
  if (!isRoot) {
    return {
      ...{ name: NAME, state: "warning", detail: "an agent that is not root gives jobs no network of their own" },
      hint: "Pools that put jobs into a sandbox need such an agent, unless they let jobs reach everything: windrow pool set POOL --farm-access on --egress all",
    };
  }
  const missing: (typeof PROGRAMS)[number][] = [];
  for (const one of PROGRAMS) if (!(await isThere(one[0], folders))) missing.push(one);
  if (missing.length === 0)
    return { name: NAME, state: "ok", detail: "an agent here can give jobs networks of their own" };
  const packages = missing.map(([, name]) => name).join(" ");
  const detail = `${missing.map(([program]) => program).join(", ")} is not installed: jobs on an agent here have no network of their own`;
  return { name: NAME, state: "warning", detail, hint: `apt-get install ${packages}` };
}

async function isThere(program: string, folders: readonly string[]): Promise<boolean> {
  for (const folder of folders) {
    const found = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

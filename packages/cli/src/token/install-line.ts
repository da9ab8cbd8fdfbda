import type { Install } from "@windrow/contract";

const FILE = "windrow-install.sh";

/**
 * One line that makes a bare machine an agent. Where the machine cannot check the farm's certificate, the line compares the
 * script with the checksum that came with the token, before anything of it runs; the script trusts the farm's authority
 * alone from then on.
 */
export function installLine(
  install: Pick<Install, "script_url" | "script_sha256" | "is_pinned">,
  token: string,
): string {
  const { script_url: url, script_sha256: sum } = install;
  if (!install.is_pinned) return `curl -fsSL ${url} | sh -s -- --token ${token}`;
  return `curl -fsSk ${url} -o ${FILE} && echo "${sum}  ${FILE}" | sha256sum -c && sh ${FILE} --token ${token}`;
}

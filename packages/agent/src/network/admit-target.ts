import { isIP } from "node:net";
import type { HostRules, Target } from "./host-rules.ts";

export interface TargetRules {
  readonly hosts: HostRules;
  /** What speaks against an address; undefined when nothing does. */
  readonly judge: (address: string) => string | undefined;
  /** All addresses of a name; asked once for each request. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
}

export type Admitted =
  /** To be connected to as they stand: nothing is looked up again. */
  | { readonly kind: "admitted"; readonly addresses: readonly string[] }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "unknown"; readonly why: string };

/** More of one name are not tried. */
const ADDRESSES_MAX = 8;

/**
 * Decides by what is asked for and by what it leads to. An address that is not of the internet is reached only where the
 * pool lists it: by itself, or besides a name that is listed word for word.
 */
export async function admitTarget(target: Target, { hosts, judge, resolve }: TargetRules): Promise<Admitted> {
  const { host, port } = target;
  const named = hosts.find(target);
  if (named === undefined) return { kind: "refused", why: `${showTarget(target)} is not on the pool's list` };
  if (isIP(host) !== 0) return { kind: "admitted", addresses: [host] };
  let found: readonly string[];
  try {
    found = await resolve(host);
  } catch (error) {
    return { kind: "unknown", why: `${host} has no address: ${error instanceof Error ? error.message : error}` };
  }
  const against: string[] = [];
  const addresses = found.slice(0, ADDRESSES_MAX).filter((address) => {
    const what = judge(address);
    if (what === undefined || (named === "exact" && hosts.listsAddress(address, port))) return true;
    against.push(`${address}, ${what}`);
    return false;
  });
  if (addresses.length > 0) return { kind: "admitted", addresses };
  if (against.length === 0) return { kind: "unknown", why: `${host} has no address` };
  return { kind: "refused", why: `${showTarget(target)} is on the pool's list but leads to ${against.join("; ")}` };
}

export function showTarget({ host, port }: Target): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

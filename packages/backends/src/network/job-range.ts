import { isIPv4 } from "node:net";
import { BackendFault } from "../backend-fault.ts";

/** The addresses that jobs of this machine have; IPv4, each as `a.b.c.d/n`. */
export interface JobRange {
  readonly whole: string;
  /** Sandboxed jobs: four addresses for each. */
  readonly sandboxes: string;
  /** Networks of the engine. */
  readonly containers: string;
  readonly linksMax: number;
  /** Of the n-th link, from 0: the machine's end and the job's. */
  linkAddresses(no: number): { readonly machine: string; readonly job: string };
  /** The link whose job has this address. */
  linkNo(jobAddress: string): number | undefined;
  has(address: string): boolean;
}

export const JOB_SUBNET_DEFAULT = "10.213.0.0/16";
/** Of a link's network. */
export const LINK_PREFIX = 30;
const LINK_ADDRESSES = 4;

/** Throws `network_failed` when it is no network of that kind. */
export function readJobRange(subnet: string): JobRange {
  const [base = "", length = ""] = subnet.split("/");
  const prefix = Number(length);
  const size = 2 ** (32 - prefix);
  if (!isIPv4(base) || !/^\d+$/.test(length) || prefix < 8 || prefix > 24 || toNumber(base) % size !== 0) {
    throw new BackendFault(
      "network_failed",
      `the jobs' network must be written as ${JOB_SUBNET_DEFAULT}, not ${subnet}`,
    );
  }
  const first = toNumber(base);
  const half = size / 2;
  return {
    whole: subnet,
    sandboxes: `${base}/${prefix + 1}`,
    containers: `${toText(first + half)}/${prefix + 1}`,
    linksMax: half / LINK_ADDRESSES,
    linkAddresses: (no) => ({
      machine: toText(first + no * LINK_ADDRESSES + 1),
      job: toText(first + no * LINK_ADDRESSES + 2),
    }),
    linkNo(jobAddress) {
      const offset = toNumber(jobAddress) - first;
      return offset > 0 && offset < half && offset % LINK_ADDRESSES === 2 ? (offset - 2) / LINK_ADDRESSES : undefined;
    },
    has: (address) => isIPv4(address) && toNumber(address) >= first && toNumber(address) < first + size,
  };
}

/** The network that an address with this prefix is in: `a.b.c.d/n`. */
export function networkOf(address: string, prefix: number): string {
  const size = 2 ** (32 - prefix);
  return `${toText(Math.floor(toNumber(address) / size) * size)}/${prefix}`;
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toText(number: number): string {
  return [2 ** 24, 2 ** 16, 2 ** 8, 1].map((unit) => Math.floor(number / unit) % 256).join(".");
}

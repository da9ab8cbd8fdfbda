import { randomInt } from "node:crypto";
import type Docker from "dockerode";
import { BackendFault } from "../backend-fault.ts";
import { readJobRange } from "../network/job-range.ts";
import { wordsOf } from "./engine-connection.ts";

const PREFIX = 28;
const ADDRESSES = 2 ** (32 - PREFIX);
/** Of its addresses: the network's own, the machine's, the holder's, the last one. */
export const NEIGHBOURS_MAX = ADDRESSES - 4;
const TRIES_MAX = 64;

/**
 * Makes a network of a few addresses out of the part of the range that is for engines. Which of them are free only the engine
 * knows, which several agents may use: so one is tried after the other. Throws `engine_failed`.
 */
export async function createJobNetwork(
  docker: Docker,
  options: Omit<Docker.NetworkCreateOptions, "IPAM" | "abortSignal">,
  { subnet, signal }: { readonly subnet: string; readonly signal: AbortSignal },
): Promise<Docker.Network> {
  const [base = "", length = ""] = readJobRange(subnet).containers.split("/");
  const count = 2 ** (PREFIX - Number(length));
  const first = randomInt(count);
  for (let tryNo = 0; tryNo < Math.min(count, TRIES_MAX); tryNo++) {
    signal.throwIfAborted();
    const address = addTo(base, ((first + tryNo) % count) * ADDRESSES);
    const Config = [{ Subnet: `${address}/${PREFIX}`, Gateway: addTo(address, 1) }];
    try {
      // not cut short: the engine would make it all the same, after everybody has looked for what is to go
      return await docker.createNetwork({ ...options, IPAM: { Driver: "default", Config } });
    } catch (error) {
      if (!/overlap|conflicts with network/i.test(wordsOf(error))) throw error;
    }
  }
  throw new BackendFault(
    "engine_failed",
    `no free network of the jobs' range ${subnet} was found in ${TRIES_MAX} tries`,
  );
}

function addTo(address: string, offset: number): string {
  const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0) + offset;
  return [2 ** 24, 2 ** 16, 2 ** 8, 1].map((unit) => Math.floor(number / unit) % 256).join(".");
}

import { BlockList, isIP } from "node:net";

/** Not of the internet, or leading back to what is not. */
const RANGES: readonly (readonly [address: string, prefix: number, what: string])[] = [
  ["0.0.0.0", 8, "an address of this machine"],
  ["127.0.0.0", 8, "a loopback address"],
  ["10.0.0.0", 8, "a private address"],
  ["172.16.0.0", 12, "a private address"],
  ["192.168.0.0", 16, "a private address"],
  ["100.64.0.0", 10, "an address of a carrier's network"],
  ["169.254.0.0", 16, "a link-local address"],
  ["192.0.0.0", 24, "a reserved address"],
  ["198.18.0.0", 15, "a reserved address"],
  ["224.0.0.0", 4, "a multicast address"],
  ["240.0.0.0", 4, "a reserved address"],
  ["::", 96, "a loopback address"],
  ["::ffff:0:0", 96, "an IPv4 address in the clothes of IPv6"],
  ["64:ff9b::", 96, "an IPv4 address behind NAT64"],
  ["64:ff9b:1::", 48, "an IPv4 address behind NAT64"],
  ["100::", 64, "a reserved address"],
  ["2001::", 32, "an IPv4 address in the clothes of IPv6"],
  ["2002::", 16, "an IPv4 address in the clothes of IPv6"],
  ["fc00::", 7, "a private address"],
  ["fe80::", 10, "a link-local address"],
  ["fec0::", 10, "a private address"],
  ["ff00::", 8, "a multicast address"],
];

const LISTS = RANGES.map(([address, prefix, what]) => {
  const list = new BlockList();
  list.addSubnet(address, prefix, isIP(address) === 4 ? "ipv4" : "ipv6");
  return { list, family: isIP(address), what };
});

/** What speaks against connecting a job to this address; undefined when it is an ordinary one of the internet. */
export function judgeAddress(address: string): string | undefined {
  const family = isIP(address);
  if (family === 0) return "no address";
  if (address.includes("%")) return "a link-local address";
  // a list of one family would also look at addresses of the other one inside them
  return LISTS.find((one) => one.family === family && one.list.check(address, family === 4 ? "ipv4" : "ipv6"))?.what;
}

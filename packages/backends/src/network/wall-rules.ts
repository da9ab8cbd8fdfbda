import type { JobRange } from "./job-range.ts";

/** What one agent wants of the wall. All addresses IPv4, with or without a prefix. */
export interface WallWishes {
  /** Tells its rules from those of other agents of the machine; letters and digits. */
  readonly owner: string;
  /** Epoch minutes: what other agents wanted long ago and never again is nobody's wish any more. */
  readonly nowMinutes: number;
  readonly farmAddresses: readonly string[];
  readonly nameServers: readonly string[];
  /** Addresses of its jobs. */
  readonly jobs: readonly string[];
  /** Those of them that reach the farm. */
  readonly exempt: readonly string[];
  /** Bridges of this machine that lead nowhere but to others' containers. */
  readonly bridges: readonly string[];
}

/** Rules of other agents, as `iptables-save` wrote them. */
export interface OthersRules {
  of(kind: RuleKind, table: string, chain: string): readonly string[];
}

/** `agent`: nothing but that the agent is there. */
export type RuleKind = "agent" | "dns" | "exempt" | "farm";

export const INPUT_CHAIN = "WINDROW-INPUT";
export const FROM_CHAIN = "WINDROW-FROM-JOBS";
export const TO_CHAIN = "WINDROW-TO-JOBS";
export const NAT_CHAIN = "WINDROW-NAT";
const KNOWN = "-m conntrack --ctstate RELATED,ESTABLISHED";

/** Which chain of the machine leads to which of ours, and what for; before everything else there. */
export function encodeJumps(
  range: JobRange,
): { readonly table: string; readonly chain: string; readonly rule: string }[] {
  const { whole, sandboxes } = range;
  return [
    { table: "filter", chain: "INPUT", rule: `-s ${whole} -j ${INPUT_CHAIN}` },
    { table: "filter", chain: "INPUT", rule: `-i wrj+ -j ${INPUT_CHAIN}` },
    { table: "filter", chain: "FORWARD", rule: `-s ${whole} -j ${FROM_CHAIN}` },
    { table: "filter", chain: "FORWARD", rule: `-d ${whole} -j ${TO_CHAIN}` },
    { table: "mangle", chain: "POSTROUTING", rule: `-s ${whole} -j ${FROM_CHAIN}` },
    { table: "mangle", chain: "POSTROUTING", rule: `-d ${whole} -j ${TO_CHAIN}` },
    { table: "nat", chain: "POSTROUTING", rule: `-s ${sandboxes} -j ${NAT_CHAIN}` },
  ];
}

/** How a rule tells whose it is, and when that agent last wanted it. */
const marked = (kind: RuleKind, { owner, nowMinutes }: WallWishes): string =>
  `-m comment --comment windrow:${kind}:${owner}:${nowMinutes}`;

/**
 * The rules of our chains, in order. What is refused is told at once (`filter`), and once more dropped where the packet
 * leaves (`mangle`): the engine and other programs put rules that accept in front of others' as they please, and those
 * reach no further than their own table.
 */
export function encodeWall(range: JobRange, wishes: WallWishes, others: OthersRules): { [table: string]: string[] } {
  return {
    filter: [
      ...encodeInput(wishes, others),
      ...encodeFrom("filter", range, wishes, others),
      ...encodeTo("filter", range),
    ],
    mangle: [...encodeFrom("mangle", range, wishes, others), ...encodeTo("mangle", range)],
    nat: [`-A ${NAT_CHAIN} ! -d ${range.whole} -j MASQUERADE`],
  };
}

/** From jobs to this machine itself. */
function encodeInput(wishes: WallWishes, others: OthersRules): string[] {
  const { nameServers, exempt } = wishes;
  const add = (rule: string) => `-A ${INPUT_CHAIN} ${rule}`;
  return [
    ...others.of("agent", "filter", INPUT_CHAIN),
    add(marked("agent", wishes)),
    add("-i lo -j RETURN"),
    add(`${KNOWN} -j RETURN`),
    ...others.of("dns", "filter", INPUT_CHAIN),
    ...nameServers.flatMap((address) =>
      ["udp", "tcp"].map((protocol) =>
        add(`-d ${address} -p ${protocol} --dport 53 ${marked("dns", wishes)} -j RETURN`),
      ),
    ),
    ...others.of("exempt", "filter", INPUT_CHAIN),
    ...exempt.map((address) => add(`-s ${address} ${marked("exempt", wishes)} -j RETURN`)),
    ...refuse("filter", "").map(add),
  ];
}

/** From jobs to elsewhere through this machine. */
function encodeFrom(table: "filter" | "mangle", range: JobRange, wishes: WallWishes, others: OthersRules): string[] {
  const { nameServers, exempt, farmAddresses, bridges } = wishes;
  const add = (rule: string) => `-A ${FROM_CHAIN} ${rule}`;
  // sandboxed jobs go wherever nothing speaks against it; of containers the engine decides what is left
  const pass = (rule: string) => [
    ...(table === "filter" ? [add(`-s ${range.sandboxes} ${rule} -j ACCEPT`)] : []),
    add(`${rule} -j RETURN`),
  ];
  const ofOthers = (kind: RuleKind) => others.of(kind, table, FROM_CHAIN);
  return [
    ...(table === "mangle" ? [add("-m addrtype --src-type LOCAL -j RETURN")] : []),
    // within one network of the engine, where the kernel shows bridged packets at all
    add("-m physdev --physdev-is-bridged -j RETURN"),
    ...pass(KNOWN),
    ...ofOthers("dns"),
    ...nameServers.flatMap((address) =>
      ["udp", "tcp"].flatMap((protocol) => pass(`-d ${address} -p ${protocol} --dport 53 ${marked("dns", wishes)}`)),
    ),
    ...[range.whole, "169.254.0.0/16", "127.0.0.0/8", "224.0.0.0/4"].flatMap((to) =>
      refuse(table, `-d ${to}`).map(add),
    ),
    ...bridges.flatMap((bridge) => refuse(table, `-o ${bridge}`).map(add)),
    ...ofOthers("exempt"),
    ...exempt.map((address) => {
      const answer = table === "filter" && isSandbox(range, address) ? "ACCEPT" : "RETURN";
      return add(`-s ${address} ${marked("exempt", wishes)} -j ${answer}`);
    }),
    // a published port of this machine is this machine
    ...refuse(table, "-m conntrack --ctstate DNAT").map(add),
    ...ofOthers("farm"),
    ...farmAddresses.flatMap((address) => refuse(table, `-d ${address} ${marked("farm", wishes)}`).map(add)),
    ...(table === "filter" ? [add(`-s ${range.sandboxes} -j ACCEPT`)] : []),
  ];
}

/** From elsewhere to jobs: answers alone. */
function encodeTo(table: "filter" | "mangle", { sandboxes }: JobRange): string[] {
  const add = (rule: string) => `-A ${TO_CHAIN} ${rule}`;
  return [
    // the machine's own words to jobs, among them that something is refused
    ...(table === "mangle"
      ? [add("-m addrtype --src-type LOCAL -j RETURN"), add("-p tcp --tcp-flags RST RST -j RETURN")]
      : []),
    add("-m physdev --physdev-is-bridged -j RETURN"),
    ...(table === "filter" ? [add(`-d ${sandboxes} ${KNOWN} -j ACCEPT`)] : []),
    add(`${KNOWN} -j RETURN`),
    ...refuse(table, "").map(add),
  ];
}

/** Connections end at once: what the kernel says of a refusal by ICMP comes a few times a second at most. */
function refuse(table: "filter" | "mangle", rule: string): string[] {
  if (table === "mangle") return [`${rule} -j DROP`.trim()];
  return [`${rule} -p tcp -j REJECT --reject-with tcp-reset`.trim(), `${rule} -j REJECT`.trim()];
}

function isSandbox(range: JobRange, address: string): boolean {
  return range.linkNo(address.split("/")[0] ?? "") !== undefined;
}

import { isIP } from "node:net";

/** One host at one port, as a program asked for it. */
export interface Target {
  /** Lower case, without a dot at its end; an address without brackets, in its usual form. */
  readonly host: string;
  readonly port: number;
}

/** What a pool's list of hosts says. */
export interface HostRules {
  /** How the list names this target: word for word, by a pattern with `*`, or not at all. */
  find(target: Target): "exact" | "wildcard" | undefined;
  /** The list holds this very address, for this port. */
  listsAddress(address: string, port: number): boolean;
}

interface HostRule {
  readonly host: string;
  readonly isWildcard: boolean;
  /** Undefined: those of the web. */
  readonly port: number | undefined;
}

const WEB_PORTS = [80, 443];
const PORT_MAX = 65_535;

/**
 * Reads `name`, `*.name`, an address, each with `:port` or without: then ports 80 and 443. `*.name` is everything below
 * the name, not the name itself. Entries that are none of these allow nothing.
 */
export function compileHostRules(entries: readonly string[]): HostRules {
  const rules = entries.flatMap((entry) => readRule(entry.trim()) ?? []);
  const hasPort = (rule: HostRule, port: number) =>
    rule.port === undefined ? WEB_PORTS.includes(port) : rule.port === port;
  return {
    find({ host, port }) {
      const fitting = rules.filter((rule) => hasPort(rule, port) && isNamed(rule, host));
      if (fitting.some((rule) => !rule.isWildcard)) return "exact";
      return fitting.length > 0 ? "wildcard" : undefined;
    },
    listsAddress: (address, port) =>
      rules.some((rule) => !rule.isWildcard && rule.host === address && hasPort(rule, port)),
  };
}

function isNamed({ host, isWildcard }: HostRule, asked: string): boolean {
  if (!isWildcard) return asked === host;
  return isIP(asked) === 0 && asked.endsWith(`.${host}`);
}

function readRule(entry: string): HostRule | undefined {
  const isWildcard = entry.startsWith("*.");
  const rest = isWildcard ? entry.slice(2) : entry;
  const isBareAddress = isIP(rest) === 6;
  const port = isBareAddress ? undefined : /:(\d{1,5})$/.exec(rest)?.[1];
  const name = isBareAddress ? `[${rest}]` : port === undefined ? rest : rest.slice(0, -port.length - 1);
  const target = readTarget(`${name}:${port ?? 80}`);
  if (target === undefined || target.host.includes("*")) return undefined;
  return { host: target.host, isWildcard, port: port === undefined ? undefined : target.port };
}

/**
 * `host:port` in any way of writing: numbers in octal, hexadecimal or as one number come out as the address they mean.
 * Undefined for what is none.
 */
export function readTarget(authority: string): Target | undefined {
  if (/[\s/?#@\\]/.test(authority)) return undefined;
  const written = /:(\d{1,5})$/.exec(authority)?.[1];
  const url = URL.parse(`http://${authority}`);
  const port = Number(written ?? Number.NaN);
  if (url === null || !Number.isInteger(port) || port < 1 || port > PORT_MAX) return undefined;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  return host === "" ? undefined : { host, port };
}

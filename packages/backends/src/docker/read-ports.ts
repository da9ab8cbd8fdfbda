import { BackendFault } from "../backend-fault.ts";

export interface PublishedPort {
  /** `5432/tcp` */
  readonly inside: string;
  /** Empty: the engine takes a free one. */
  readonly outside: string;
}

const PORT_MAX = 65_535;
const PORTS_MAX = 256;

/** Reads `[[ip:]host:]container[/protocol]`, ranges as well. Throws `container_refused`. */
export function readPorts(texts: readonly string[]): PublishedPort[] {
  const ports = texts.flatMap(readPort);
  if (ports.length > PORTS_MAX) throw new BackendFault("container_refused", `more than ${PORTS_MAX} ports`);
  return ports;
}

function readPort(text: string): PublishedPort[] {
  const [, outside, inside, protocol = "tcp"] =
    /^(?:(?:\[[0-9a-fA-F:]+\]:|[\d.]+:)?(\d+(?:-\d+)?|)?:)?(\d+(?:-\d+)?)(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  const insides = readRange(inside);
  const outsides = outside === undefined || outside === "" ? insides?.map(() => "") : readRange(outside);
  if (insides === undefined || outsides === undefined || insides.length !== outsides.length) {
    throw new BackendFault("container_refused", `"${text}" is no port: CONTAINER, HOST:CONTAINER, CONTAINER/udp`);
  }
  return insides.map((port, index) => ({ inside: `${port}/${protocol}`, outside: outsides[index] ?? "" }));
}

function readRange(text: string | undefined): string[] | undefined {
  const [from, to = from] = (text ?? "").split("-").map(Number);
  if (from === undefined || to === undefined || !(from >= 1 && to >= from && to <= PORT_MAX)) return undefined;
  if (to - from >= PORTS_MAX) return undefined;
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
}

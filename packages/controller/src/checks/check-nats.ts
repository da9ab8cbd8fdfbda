import type { Check } from "@windrow/contract";
import { type Bus, type NatsProbe, type ProbeNatsOptions, probeNats } from "@windrow/wire";

/** Earlier ones have known holes that let one account's user reach further than it may. */
const VERSION_MIN = [2, 10, 27] as const;

/** Tries NATS with what must be refused. Without NATS in the configuration, says what that costs. */
export async function checkNats(bus: Bus | undefined, probe: ProbeNatsOptions | undefined): Promise<Check[]> {
  if (bus === undefined || probe === undefined) {
    return [
      {
        ...{ name: "nats", state: "warning", detail: "not configured: offers travel by gRPC, up to a second later" },
        hint: "windrow controller nats-config makes keys and configuration for a nats-server",
      },
    ];
  }
  if (bus.state !== "connected") {
    return [
      {
        ...{ name: "nats", state: "warning", detail: `${bus.state}: offers travel by gRPC, up to a second later` },
        hint: "See that nats-server runs where WINDROW_NATS_URL says, and uses the keys of WINDROW_NATS_KEYS_FILE",
      },
    ];
  }
  try {
    return judgeNats(await probeNats(probe));
  } catch (error) {
    const detail = `it could not be tried: ${error instanceof Error ? error.message : error}`;
    return [
      { name: "nats", state: "warning", detail, hint: "Ask again in a moment; then look into nats-server's log" },
    ];
  }
}

export function judgeNats({ servers, isOpenToStrangers, leaks }: NatsProbe): Check[] {
  const others = servers.flatMap(({ name, otherListeners }) => otherListeners.map((one) => `${one} of ${name}`));
  return [
    judgeVersions(servers),
    isOpenToStrangers
      ? {
          ...{ name: "nats strangers", state: "failed", detail: "a connection without any credential was let in" },
          hint: "Take no_auth_user and accounts of its own out of nats.conf: windrow controller nats-config writes one",
        }
      : { name: "nats strangers", state: "ok", detail: "a connection without credential is refused" },
    leaks.length > 0
      ? {
          ...{ name: "nats permissions", state: "failed", detail: `an agent's credential may use ${leaks.join(", ")}` },
          hint: "Let nats-server use the account that windrow controller nats-config wrote: its template limits agents",
        }
      : { name: "nats permissions", state: "ok", detail: "an agent's credential reaches its own subjects only" },
    others.length > 0
      ? {
          ...{
            name: "nats listeners",
            state: "failed",
            detail: `there are others than for clients: ${others.join(", ")}`,
          },
          hint: "Take http, websocket, mqtt, leafnodes and gateway out of nats.conf, or keep their ports from everybody",
        }
      : { name: "nats listeners", state: "ok", detail: "none but the one for clients" },
  ];
}

function judgeVersions(servers: NatsProbe["servers"]): Check {
  const name = "nats";
  if (servers.length === 0)
    return { name, state: "warning", detail: "no server said its version", hint: "Look into nats-server's log" };
  const old = servers.filter(({ version }) => isBefore(version, VERSION_MIN));
  const detail = `connected; ${servers.map((one) => one.version).join(", ")}`;
  if (old.length === 0) return { name, state: "ok", detail };
  return {
    name,
    state: "warning",
    detail,
    hint: `Use nats-server ${VERSION_MIN.join(".")} or later: holes of earlier ones are known`,
  };
}

function isBefore(version: string, least: readonly number[]): boolean {
  const parts = version.split(/[.-]/).map(Number);
  for (const [index, part] of least.entries()) {
    const own = parts[index] ?? 0;
    if (own !== part) return !(own > part);
  }
  return false;
}

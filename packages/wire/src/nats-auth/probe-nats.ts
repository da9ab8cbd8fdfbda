import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { asAgentId } from "@windrow/model";
import { connect, type NatsConnection } from "nats";
import { type NatsTls, natsOptions } from "../bus/keep-nats-connection.ts";
import { NATS_ADMIN_TIMEOUT_MS } from "../limits.ts";
import { issueAgentNatsJwt } from "./issue-agent-nats-jwt.ts";
import type { NatsKeys } from "./nats-keys.ts";
import { createUserNkey } from "./user-nkey.ts";

export interface ProbeNatsOptions {
  readonly urls: readonly string[];
  readonly keys: NatsKeys;
  readonly tls?: NatsTls;
}

/** What one server of the farm's NATS says of itself. */
export interface NatsServerFacts {
  readonly name: string;
  readonly version: string;
  /** Listeners besides the one for clients, `websocket` for example. */
  readonly otherListeners: readonly string[];
}

/** What NATS does when it is tried, whatever its configuration says. */
export interface NatsProbe {
  readonly servers: readonly NatsServerFacts[];
  /** A connection without any credential got in. */
  readonly isOpenToStrangers: boolean;
  /** Subjects beyond its own that an agent's credential could subscribe or publish to. */
  readonly leaks: readonly string[];
}

const PROBE_SECONDS = 60;
/** How long the servers of a cluster are listened to, and how long a refusal may be on its way after a pong. */
const SERVERS_WAIT_MS = 500;
const REFUSAL_WAIT_MS = 100;
const OTHER_LISTENERS = ["websocket", "mqtt", "leaf", "gateway"] as const;
/** Every subject; another agent's; the streams' interface. */
const FOREIGN_SUBJECTS = [">", "wr.agent.another.offer", "$JS.API.>"] as const;

/** Tries what must not work, with credentials made for that alone. Throws when the farm's own login does not work either. */
export async function probeNats(options: ProbeNatsOptions): Promise<NatsProbe> {
  const [servers, isOpenToStrangers, leaks] = await Promise.all([
    readServers(options),
    tryWithoutCredential(options),
    tryForeignSubjects(options),
  ]);
  return { servers, isOpenToStrangers, leaks };
}

const ONCE = { maxReconnectAttempts: 0, reconnect: false, timeout: NATS_ADMIN_TIMEOUT_MS } as const;

async function readServers({ urls, keys, tls }: ProbeNatsOptions): Promise<NatsServerFacts[]> {
  const login = {
    ...{ urls, jwt: () => keys.systemUserJwt, nkeySeed: keys.systemUserSeed, inboxPrefix: "_INBOX.system" },
    name: "windrow probe",
    ...(tls === undefined ? {} : { tls }),
  };
  const system = await connect({ ...natsOptions(login), ...ONCE });
  try {
    const facts: NatsServerFacts[] = [];
    // every server of a cluster answers
    const answers = await system.requestMany("$SYS.REQ.SERVER.PING.VARZ", undefined, { maxWait: SERVERS_WAIT_MS });
    for await (const answer of answers) facts.push(readServer(answer.json<unknown>()));
    return facts;
  } finally {
    await system.close();
  }
}

function readServer(answer: unknown): NatsServerFacts {
  const data = field(answer, "data");
  const text = (key: string): string => String(field(data, key) ?? "");
  const monitors = ["http_port", "https_port"].filter((key) => isPort(field(data, key)));
  const others = OTHER_LISTENERS.filter((key) => isPort(field(field(data, key), "port")));
  return { name: text("server_name"), version: text("version"), otherListeners: [...monitors, ...others] };
}

function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

const isPort = (value: unknown): boolean => typeof value === "number" && value > 0;

async function tryWithoutCredential({ urls, tls }: ProbeNatsOptions): Promise<boolean> {
  let stranger: NatsConnection | undefined;
  try {
    stranger = await connect({ servers: [...urls], ...ONCE, ...(tls === undefined ? {} : { tls: { ...tls } }) });
    return await isAnswered(stranger);
  } catch {
    // refused, or away: whether it is there at all is what the farm's own login tells
    return false;
  } finally {
    await stranger?.close();
  }
}

async function tryForeignSubjects({ urls, keys, tls }: ProbeNatsOptions): Promise<string[]> {
  const agentId = asAgentId(randomUUID());
  const { publicKey, seed } = createUserNkey();
  const jwt = await issueAgentNatsJwt({
    ...{ agentId, userPublicKey: publicKey, agentSigningSeed: keys.agentSigningSeed },
    ...{ accountPublicKey: keys.accountPublicKey, ttlSeconds: PROBE_SECONDS },
  });
  const login = {
    ...{ urls, jwt: () => jwt, nkeySeed: seed, inboxPrefix: `_INBOX.${agentId}`, name: "windrow probe" },
    ...(tls === undefined ? {} : { tls }),
  };
  const agent = await connect({ ...natsOptions(login), ...ONCE });
  try {
    const leaks = await Promise.all(FOREIGN_SUBJECTS.map((subject) => isTaken(agent, subject)));
    return FOREIGN_SUBJECTS.filter((_, index) => leaks[index] === true);
  } finally {
    await agent.close();
  }
}

/** The server refuses a subscription by an error on it, or by ending the connection; what it answers a ping after, it took. */
async function isTaken(connection: NatsConnection, subject: string): Promise<boolean> {
  let isRefused = false;
  const subscription = connection.subscribe(subject, {
    callback: (error) => {
      if (error !== null) isRefused = true;
    },
  });
  if (!(await isAnswered(connection))) return false;
  // the refusal travels before the pong, and is told a turn later; the end of the connection may follow both
  await delay(REFUSAL_WAIT_MS);
  if (connection.isClosed()) return false;
  subscription.unsubscribe();
  return !isRefused;
}

/** Whether a ping is answered: the client's own waiting for that does not end when the server ends the connection. */
function isAnswered(connection: NatsConnection): Promise<boolean> {
  const answered = connection.flush().then(
    () => true,
    () => false,
  );
  return Promise.race([answered, connection.closed().then(() => false)]);
}

import { hostname } from "node:os";
import { readJoinFingerprint } from "@windrow/certificates";
import { asAgentId } from "@windrow/model";
import { type Clock, type Logger, retry } from "@windrow/service";
import { ConfigError } from "./config-error.ts";
import type { Credential } from "./credential.ts";
import { pinFarm } from "./farm-trust.ts";
import { postJson } from "./post-json.ts";

export interface JoinOptions {
  readonly controllerUrl: string;
  readonly token: string;
  readonly name: string;
  readonly natsPublicKey: string;
  readonly version: string;
  readonly slotsCount: number;
  readonly labels: readonly string[];
  /** PEM of the farm's authority when it is known already. */
  readonly authority: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** What joining brings. */
export interface Joined {
  readonly credential: Credential;
  /** PEM of the farm's authority; undefined for a farm that speaks no TLS with this agent. */
  readonly authority: string | undefined;
}

const ANSWER_WAIT_MS = 15_000;

/**
 * Exchanges a join token for the agent's own credential; waits for a controller that is away. The token is sent only to
 * a server of the authority whose fingerprint it carries. Throws `ConfigError` when refused.
 */
export async function joinFarm(options: JoinOptions): Promise<Joined> {
  return retry(() => joinOnce(options), {
    firstMs: 250,
    maxMs: 5_000,
    clock: options.clock,
    signal: options.signal,
    isRetryable: (error) => !(error instanceof ConfigError),
    onRetry: ({ error, delayMs }) => options.logger.warn({ err: error, delayMs }, "joining is tried again"),
  });
}

async function joinOnce(options: JoinOptions): Promise<Joined> {
  const { controllerUrl, token } = options;
  const fingerprint = readJoinFingerprint(token);
  const pin = (address: string) =>
    fingerprint === undefined ? undefined : pinFarm(address, fingerprint, options.signal);
  let authority = options.authority ?? (await pin(controllerUrl));
  const answer = await postJson({
    url: `${controllerUrl}/api/v1/agents/join`,
    token,
    body: {
      token,
      name: options.name,
      nats_public_key: options.natsPublicKey,
      hostname: hostname(),
      version: options.version,
      slots: options.slotsCount,
      labels: options.labels,
    },
    authority,
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(ANSWER_WAIT_MS)]),
  });
  const { code, body } = answer;
  if (code >= 500 || code === 429) throw new Error(`the controller answered ${code}`);
  if (code < 200 || code > 299) throw new ConfigError(`joining ${controllerUrl} was refused: ${problem(body, code)}`);
  const credential = decodeAnswer(body, controllerUrl);
  const [grpcAddress = ""] = credential.grpcAddress.split(",");
  // joined through the loopback, or a tunnel to it, of a farm that speaks TLS with agents
  if (authority === undefined && grpcAddress.startsWith("tls://")) authority = await pin(grpcAddress);
  return { credential, authority };
}

function decodeAnswer(body: string, controllerUrl: string): Credential {
  const answer = parse(body);
  const read = (key: string): string => {
    const value: unknown = answer === undefined ? undefined : Reflect.get(answer, key);
    if (typeof value === "string" && value !== "") return value;
    throw new ConfigError(`${controllerUrl} does not answer like a Windrow controller: ${key} is missing`);
  };
  return {
    agentId: asAgentId(read("agent_id")),
    name: read("name"),
    credential: read("credential"),
    grpcAddress: read("grpc_address"),
    controllerUrl,
  };
}

/** The controller's own words (`application/problem+json`), else the code. */
function problem(body: string, code: number): string {
  const answer = parse(body);
  const words = answer === undefined ? [] : [Reflect.get(answer, "detail"), Reflect.get(answer, "title")];
  const text = words.find((word) => typeof word === "string" && word !== "");
  return typeof text === "string" ? text : `HTTP ${code}`;
}

function parse(body: string): object | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

import { hostname } from "node:os";
import { asAgentId } from "@windrow/model";
import { type Clock, type Logger, retry } from "@windrow/service";
import { ConfigError } from "./config-error.ts";
import type { Credential } from "./credential.ts";

export interface JoinOptions {
  readonly controllerUrl: string;
  readonly token: string;
  readonly name: string;
  readonly natsPublicKey: string;
  readonly version: string;
  readonly slotsCount: number;
  readonly labels: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const ANSWER_BYTES_MAX = 64 * 1024;
const ANSWER_WAIT_MS = 15_000;

/** Exchanges a join token for the agent's own credential; waits for a controller that is away. Throws `ConfigError` when refused. */
export async function joinFarm(options: JoinOptions): Promise<Credential> {
  return retry(() => joinOnce(options), {
    firstMs: 250,
    maxMs: 5_000,
    clock: options.clock,
    signal: options.signal,
    isRetryable: (error) => !(error instanceof ConfigError),
    onRetry: ({ error, delayMs }) => options.logger.warn({ err: error, delayMs }, "joining is tried again"),
  });
}

async function joinOnce(options: JoinOptions): Promise<Credential> {
  const { controllerUrl } = options;
  const response = await fetch(`${controllerUrl}/api/v1/agents/join`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${options.token}` },
    body: JSON.stringify({
      token: options.token,
      name: options.name,
      nats_public_key: options.natsPublicKey,
      hostname: hostname(),
      version: options.version,
      slots: options.slotsCount,
      labels: options.labels,
    }),
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(ANSWER_WAIT_MS)]),
  });
  const body = (await response.text()).slice(0, ANSWER_BYTES_MAX);
  if (response.status >= 500 || response.status === 429) throw new Error(`the controller answered ${response.status}`);
  if (!response.ok) throw new ConfigError(`joining ${controllerUrl} was refused: ${problem(body, response.status)}`);
  return decodeAnswer(body, controllerUrl);
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

import { hostname } from "node:os";
import { makeCertificateRequest, readJoinFingerprint } from "@windrow/certificates";
import { asAgentId } from "@windrow/model";
import { type Clock, type Logger, retry } from "@windrow/service";
import type { AgentKeys } from "./agent-keys.ts";
import { ConfigError } from "./config-error.ts";
import { type Credential, readSlots } from "./credential.ts";
import { checkJoined, pinFarm } from "./farm-trust.ts";
import { postJson } from "./post-json.ts";
import { isGood, isPassing, readAnswer, readProblem } from "./read-answer.ts";

export interface JoinOptions {
  readonly controllerUrl: string;
  readonly token: string;
  readonly name: string;
  readonly keys: AgentKeys;
  readonly version: string;
  /** As many as the pool says when undefined. */
  readonly slotsCount: number | undefined;
  readonly labels: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const ANSWER_WAIT_MS = 15_000;

/**
 * Exchanges a join token for a certificate of the farm's authority for the agent's own key; waits for a controller that is
 * away. The token is sent only to a server of the authority whose fingerprint it carries, or to this machine. Asking
 * again with the same token and keys brings the same agent. Throws `ConfigError` when refused.
 */
export async function joinFarm(options: JoinOptions): Promise<Credential> {
  const fingerprint = readJoinFingerprint(options.token);
  if (fingerprint === undefined) {
    throw new ConfigError(
      "this is not a join token of this version of Windrow: make one with windrow token create --join",
    );
  }
  const certificateRequest = await makeCertificateRequest(options.keys.certificateKey);
  return retry(() => joinOnce(options, { fingerprint, certificateRequest }), {
    firstMs: 250,
    maxMs: 5_000,
    clock: options.clock,
    signal: options.signal,
    isRetryable: (error) => !(error instanceof ConfigError),
    onRetry: ({ error, delayMs }) => options.logger.warn({ err: error, delayMs }, "joining is tried again"),
  });
}

async function joinOnce(
  options: JoinOptions,
  { fingerprint, certificateRequest }: { readonly fingerprint: string; readonly certificateRequest: string },
): Promise<Credential> {
  const { controllerUrl, token, keys } = options;
  const authority = await pinFarm(controllerUrl, fingerprint, options.signal);
  const answer = await postJson({
    url: `${controllerUrl}/api/v1/agents/join`,
    token,
    body: {
      token,
      name: options.name,
      nats_public_key: keys.nats.publicKey,
      certificate_request: certificateRequest,
      hostname: hostname(),
      version: options.version,
      slots: options.slotsCount,
      labels: options.labels,
    },
    authority,
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(ANSWER_WAIT_MS)]),
  });
  if (isPassing(answer)) throw new Error(`the controller answered ${answer.code}`);
  if (!isGood(answer)) throw new ConfigError(`joining ${controllerUrl} was refused: ${readProblem(answer)}`);
  const { read, value } = readAnswer(answer, controllerUrl);
  const joined: Credential = {
    agentId: asAgentId(read("agent_id")),
    name: read("name"),
    certificate: read("certificate"),
    authority: read("authority"),
    grpcAddress: read("grpc_address"),
    slotsCount: readSlots(value("slots")),
    controllerUrl,
  };
  checkJoined(joined, { fingerprint, key: keys.certificateKey });
  return joined;
}

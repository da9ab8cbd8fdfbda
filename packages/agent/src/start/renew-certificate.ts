import { proveKey } from "@windrow/certificates";
import { ConfigError } from "./config-error.ts";
import type { Credential } from "./credential.ts";
import { checkCertificate } from "./farm-trust.ts";
import { type PostAnswer, postJson } from "./post-json.ts";
import { isGood, isPassing, readAnswer, readProblem } from "./read-answer.ts";

export interface RenewOptions {
  readonly credential: Credential;
  /** Where a controller serves HTTP now. */
  readonly controllerUrl: string;
  /** The registered key, PEM. */
  readonly key: string;
  readonly signal: AbortSignal;
}

export interface Renewed {
  readonly certificate: string;
  /** Empty when the farm has no NATS. */
  readonly natsJwt: string;
}

/** Thrown when a controller will not renew: the agent was removed, disabled, or away for too long. */
export class RenewalRefused extends ConfigError {
  constructor(message: string) {
    super(message);
    this.name = "RenewalRefused";
  }
}

const ANSWER_WAIT_MS = 15_000;

/**
 * A new certificate for the registered key, by a signature with it: the same way before the old one ended and after, and
 * with nothing that anybody could use on the way. Throws RenewalRefused, or what the network says.
 */
export async function renewCertificate(options: RenewOptions): Promise<Renewed> {
  const { credential, controllerUrl, key } = options;
  const { agentId } = credential;
  const asked = await post(options, "challenge", { agent_id: agentId });
  const challenge = readAnswer(asked, controllerUrl).read("challenge");
  const proof = proveKey(key, agentId, challenge);
  const answer = await post(options, "renew", { agent_id: agentId, challenge, proof });
  const certificate = readAnswer(answer, controllerUrl).read("certificate");
  checkCertificate(certificate, { ...credential, controllerUrl, key });
  const { nats_jwt: natsJwt }: { nats_jwt?: unknown } = JSON.parse(answer.body);
  return { certificate, natsJwt: typeof natsJwt === "string" ? natsJwt : "" };
}

async function post(options: RenewOptions, what: "challenge" | "renew", body: object): Promise<PostAnswer> {
  const answer = await postJson({
    url: `${options.controllerUrl}/api/v1/agents/${what}`,
    body,
    authority: options.credential.authority,
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(ANSWER_WAIT_MS)]),
  });
  if (isPassing(answer)) throw new Error(`the controller answered ${answer.code}`);
  if (!isGood(answer)) {
    throw new RenewalRefused(
      `${options.controllerUrl} does not renew this agent's certificate: ${readProblem(answer)}`,
    );
  }
  return answer;
}

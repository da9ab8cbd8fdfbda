import { proveKey } from "@windrow/certificates";
import { ConfigError } from "./config-error.ts";
import type { Credential } from "./credential.ts";
import { checkCertificate } from "./farm-trust.ts";
import { type PostAnswer, postJson } from "./post-json.ts";
import { isGood, readAnswer, readProblem, readProblemCode } from "./read-answer.ts";

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
/** A proof is good for a minute: one that a suspended machine sends later is made anew before it counts as refused. */
const PROOFS_MAX = 2;

/**
 * A new certificate for the registered key, by a signature with it: the same way before the old one ended and after, and
 * with nothing that anybody could use on the way. Throws RenewalRefused when a controller says in its own words that this
 * agent is not wanted, and an Error for everything that another try may change: the network, a proxy, an older controller.
 */
export async function renewCertificate(options: RenewOptions): Promise<Renewed> {
  for (let proofNo = 1; ; proofNo++) {
    const renewed = await renewOnce(options, proofNo === PROOFS_MAX);
    if (renewed !== undefined) return renewed;
  }
}

/** Undefined for a proof that was not good, unless that is final. */
async function renewOnce(options: RenewOptions, isFinal: boolean): Promise<Renewed | undefined> {
  const { credential, controllerUrl, key } = options;
  const { agentId } = credential;
  const asked = await post(options, "challenge", { agent_id: agentId });
  if (!isGood(asked)) throw refused(asked, controllerUrl);
  const challenge = readAnswer(asked, controllerUrl).read("challenge");
  const proof = proveKey(key, agentId, challenge);
  const answer = await post(options, "renew", { agent_id: agentId, challenge, proof });
  if (!isGood(answer)) {
    if (!isFinal && readProblemCode(answer) === "unauthenticated") return undefined;
    throw refused(answer, controllerUrl);
  }
  const certificate = readAnswer(answer, controllerUrl).read("certificate");
  checkCertificate(certificate, { ...credential, controllerUrl, key });
  const { nats_jwt: natsJwt }: { nats_jwt?: unknown } = JSON.parse(answer.body);
  return { certificate, natsJwt: typeof natsJwt === "string" ? natsJwt : "" };
}

function post(options: RenewOptions, what: "challenge" | "renew", body: object): Promise<PostAnswer> {
  return postJson({
    url: `${options.controllerUrl}/api/v1/agents/${what}`,
    body,
    authority: options.credential.authority,
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(ANSWER_WAIT_MS)]),
  });
}

function refused(answer: PostAnswer, controllerUrl: string): Error {
  const why = `${controllerUrl} does not renew this agent's certificate: ${readProblem(answer)}`;
  const isFinal = ["unauthenticated", "not_allowed"].includes(readProblemCode(answer) ?? "");
  return isFinal ? new RenewalRefused(why) : new Error(why);
}

import type { Clock, Logger } from "@windrow/service";
import type { AgentConfig } from "../config.ts";
import { type CertificateKeeper, createCertificateKeeper } from "../session/certificate-keeper.ts";
import { type AgentKeys, discardKeys, loadOrMakeKeys } from "./agent-keys.ts";
import { ConfigError } from "./config-error.ts";
import { type Credential, discardCredential, loadCredential, OUTDATED, storeCredential } from "./credential.ts";
import { isDisabled } from "./is-disabled.ts";
import { joinFarm } from "./join-farm.ts";
import { RenewalRefused } from "./renew-certificate.ts";

export interface IdentityOptions {
  readonly config: AgentConfig;
  readonly version: string;
  readonly labels: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface Identity {
  readonly keys: AgentKeys;
  readonly keeper: CertificateKeeper;
}

/**
 * Who the agent is: what its folder says, renewed if that is due; else it joins, with the token it was given. A folder of
 * an earlier version, and one whose certificate is not renewed any more, joins anew when there is a token; one that an
 * operator disabled does not. Throws `ConfigError` that says what to do.
 */
export async function establishIdentity(options: IdentityOptions): Promise<Identity> {
  const { agentDir, joinToken } = options.config;
  const known = loadCredential(agentDir);
  if (known === undefined) return join(options);
  if (known === OUTDATED) {
    if (joinToken !== undefined) return joinAnew(options);
    throw new ConfigError(
      `the agent in ${agentDir} is of an earlier version of Windrow, which knew no certificates: join again with a new token (windrow agent join)`,
    );
  }
  const identity = keep(options, known);
  try {
    await identity.keeper.renew();
  } catch (error) {
    if (!(error instanceof RenewalRefused)) {
      options.logger.warn({ err: error }, "the certificate is renewed later");
    } else if (joinToken === undefined || isDisabled(error)) throw error;
    else return joinAnew(options);
  }
  return identity;
}

function joinAnew(options: IdentityOptions): Promise<Identity> {
  const { agentDir } = options.config;
  // first: an agent that is killed on the way goes on joining, with the keys that it then made
  discardCredential(agentDir);
  discardKeys(agentDir);
  return join(options);
}

async function join(options: IdentityOptions): Promise<Identity> {
  const { config, version, labels, clock, logger, signal } = options;
  const { controllerUrl, joinToken: token, name, slotsCount, agentDir } = config;
  if (controllerUrl === undefined || token === undefined) {
    throw new ConfigError(
      "this agent has not joined a farm: set WINDROW_URL and WINDROW_JOIN_TOKEN (windrow agent join)",
    );
  }
  const keys = loadOrMakeKeys(agentDir);
  try {
    const asked = { controllerUrl, token, name, keys, version, slotsCount, labels };
    const credential = await joinFarm({ ...asked, clock, logger, signal });
    storeCredential(agentDir, credential);
    logger.info({ agentId: credential.agentId, name: credential.name }, "joined");
    return keep(options, credential);
  } catch (error) {
    // what was refused is refused again; the next try is another agent's
    if (error instanceof ConfigError) discardKeys(agentDir);
    throw error;
  }
}

function keep({ config, clock, logger }: IdentityOptions, credential: Credential): Identity {
  const { agentDir } = config;
  const keys = loadOrMakeKeys(agentDir);
  const keeper = createCertificateKeeper({
    credential,
    controllerUrl: config.controllerUrl ?? credential.controllerUrl,
    key: keys.certificateKey,
    clock,
    logger,
    store: (renewed) => storeCredential(agentDir, renewed),
  });
  return { keys, keeper };
}

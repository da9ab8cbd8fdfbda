import { readAgentCertificate } from "@windrow/certificates";
import { type Clock, type Logger, type Loop, type Service, startLoop } from "@windrow/service";
import type { Credential } from "../start/credential.ts";
import { RenewalRefused, type Renewed, type RenewOptions, renewCertificate } from "../start/renew-certificate.ts";

export interface CertificateKeeperOptions extends Omit<RenewOptions, "signal" | "credential"> {
  readonly credential: Credential;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: (credential: Credential) => void;
  readonly renew?: (options: RenewOptions) => Promise<Renewed>;
}

/** Keeps the agent's certificate fresh, on the wall clock: certificates know no other. */
export interface CertificateKeeper extends Service {
  readonly credential: Credential;
  /** Renews when two thirds of the certificate's life are over, or anyway. Throws RenewalRefused, or what the network says. */
  renew(options?: { readonly isForced?: boolean }): Promise<void>;
  /**
   * Before a connection: renews what is due, or what several failures let suspect, since a controller whose clock is
   * ahead ends a connection without a word. Throws RenewalRefused only.
   */
  prepare(failuresCount: number): Promise<void>;
  onRenewed(listener: (renewed: Renewed) => void): void;
}

const LOOK_EVERY_MS = 30_000;
const FAILURES_SUSPECT = 5;
const SUSPECT_AGAIN_MS = 60_000;
/** On a machine whose clock is far ahead each new certificate is due again: not more often than this. */
const RENEW_AGAIN_MS = 3_600_000;
/** A fleet that got its certificates at once does not ask for the next ones at once: this share of the life is drawn. */
const SPREAD = 1 / 24;

export function createCertificateKeeper(options: CertificateKeeperOptions): CertificateKeeper {
  const { clock, logger, renew: ask = renewCertificate } = options;
  const stopping = new AbortController();
  const listeners: ((renewed: Renewed) => void)[] = [];
  let { credential } = options;
  let dueAtMs = dueOf(credential);
  let suspectedAtMs = Number.NEGATIVE_INFINITY;
  let renewedAtMs = Number.NEGATIVE_INFINITY;
  let renewing: Promise<void> | undefined;
  let loop: Loop | undefined;

  async function renewOnce(): Promise<void> {
    const { controllerUrl, key } = options;
    const renewed = await ask({ credential, controllerUrl, key, signal: stopping.signal });
    credential = { ...credential, certificate: renewed.certificate };
    options.store(credential);
    dueAtMs = dueOf(credential);
    renewedAtMs = clock.monotonicMs();
    logger.info({ dueAt: new Date(dueAtMs).toISOString() }, "the agent's certificate was renewed");
    for (const tell of listeners) tell(renewed);
  }

  async function renew({ isForced = false } = {}): Promise<void> {
    const isDue = clock.nowMs() >= dueAtMs && clock.monotonicMs() - renewedAtMs >= RENEW_AGAIN_MS;
    if (!isForced && !isDue) return;
    renewing ??= renewOnce().finally(() => {
      renewing = undefined;
    });
    await renewing;
  }

  return {
    get credential() {
      return credential;
    },
    renew,
    async prepare(failuresCount) {
      const nowMs = clock.monotonicMs();
      const isSuspect = failuresCount >= FAILURES_SUSPECT && nowMs - suspectedAtMs > SUSPECT_AGAIN_MS;
      if (isSuspect) suspectedAtMs = nowMs;
      try {
        await renew({ isForced: isSuspect });
      } catch (error) {
        if (error instanceof RenewalRefused) throw error;
        logger.warn({ err: error }, "the certificate is renewed later");
      }
    },
    onRenewed: (listener) => void listeners.push(listener),
    async start() {
      loop = startLoop({ name: "certificate", everyMs: LOOK_EVERY_MS, clock, logger, runOnce: () => renew() });
    },
    async stop() {
      stopping.abort(new Error("the agent stops"));
      await loop?.stop();
    },
  };
}

/** Two thirds of its life, or up to an hour before; the hour that it began earlier for clocks that are behind does not count much. */
function dueOf({ certificate, authority }: Credential): number {
  const { startsAtMs, expiresAtMs } = readAgentCertificate(certificate, authority);
  return startsAtMs + (expiresAtMs - startsAtMs) * (2 / 3 - SPREAD * Math.random());
}

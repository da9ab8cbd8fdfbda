import {
  type Authority,
  CertificateError,
  ensureServerCertificate,
  type IssuedPair,
  openAuthority,
  readOwnCertificate,
  serverNames,
} from "@windrow/certificates";
import { type Clock, type Logger, type Loop, type Service, startLoop } from "@windrow/service";
import type { TlsConfig } from "../config.ts";

export interface FarmCertificatesOptions {
  /** Of the authority and what it issued. */
  readonly dir: string;
  /** Shown to people instead of the farm's own certificate. */
  readonly own?: TlsConfig["own"];
  readonly listenAddress: string;
  readonly publicUrl?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What this controller shows at present. */
export interface Shown {
  /** Of the farm's authority: for agents. */
  readonly farm: IssuedPair;
  /** For people and their git: their own certificate where there is one, else the farm's. */
  readonly people: IssuedPair;
}

/** Certificates that renew themselves while the service runs. */
export interface FarmCertificates extends Service {
  readonly authority: Authority;
  readonly shown: Shown;
  /** Called after every change. */
  onChange(listener: (shown: Shown) => void): void;
}

/** Own files are looked at again as well: whoever renews them need not tell. */
const LOOK_EVERY_MS = 3_600_000;

/** Opens the farm's authority and this controller's certificates. Throws CertificateError for an own one that is no good. */
export async function openFarmCertificates(options: FarmCertificatesOptions): Promise<FarmCertificates> {
  const { own, clock, logger } = options;
  const authority = await openAuthority(options.dir, clock.nowMs());
  const listeners: ((shown: Shown) => void)[] = [];
  let shown = await look((nowMs) => (own === undefined ? undefined : readOwnCertificate(own, nowMs)));
  let loop: Loop | undefined;

  async function look(readOwn: (nowMs: number) => IssuedPair | undefined): Promise<Shown> {
    const nowMs = clock.nowMs();
    const { cert, key } = await ensureServerCertificate({ authority, names: serverNames(options), nowMs });
    const farm = { cert, key };
    return { farm, people: readOwn(nowMs) ?? farm };
  }

  /** An own certificate that is no good any more is shown as it was: that its owner is late must not cut the agents off. */
  function readOwnAgain(nowMs: number): IssuedPair | undefined {
    if (own === undefined) return undefined;
    try {
      return readOwnCertificate(own, nowMs);
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      logger.error({ err: error }, "the certificate for people is shown as it was: the new one is no good");
      return shown.people;
    }
  }

  async function renew(): Promise<void> {
    const next = await look(readOwnAgain);
    if (next.farm.cert === shown.farm.cert && next.people.cert === shown.people.cert) return;
    shown = next;
    logger.info("the certificates were renewed");
    for (const tell of listeners) tell(next);
  }

  return {
    authority,
    get shown() {
      return shown;
    },
    onChange: (listener) => void listeners.push(listener),
    async start() {
      loop = startLoop({ name: "certificates", everyMs: LOOK_EVERY_MS, clock, logger, runOnce: renew });
    },
    async stop() {
      await loop?.stop();
    },
  };
}

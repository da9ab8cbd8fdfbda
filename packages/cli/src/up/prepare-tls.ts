import {
  type Authority,
  CertificateError,
  ensureServerCertificate,
  openAuthority,
  readOwnCertificate,
  serverNames,
} from "@windrow/certificates";
import { EmbeddedError, requireFreePort } from "@windrow/embedded";
import type { Clock } from "@windrow/service";
import { usageError } from "../cli-error.ts";
import type { DataFolder } from "./data-folder.ts";
import type { UpOptions } from "./up-options.ts";
import type { Report } from "./up-reporter.ts";

/** How the farm of this start speaks TLS. */
export interface UpTls {
  /** Of HTTPS. */
  readonly port: number;
  /** With an address that others reach: the authority, and what nats-server shows. */
  readonly agents?: { readonly authority: Authority; readonly serverFile: string };
}

interface PrepareTlsOptions {
  readonly options: UpOptions;
  readonly folder: DataFolder;
  readonly clock: Clock;
  readonly report: Report;
}

/**
 * Checks an own certificate and the port, and makes what nats-server needs. Undefined when nobody asked for HTTPS and
 * its port is taken, which is told. Errors: CliError `usage` for a bad certificate, EmbeddedError for a port.
 */
export async function prepareTls(input: PrepareTlsOptions): Promise<UpTls | undefined> {
  const { options, clock, report } = input;
  const { listenAddress, tlsPort: port, ownCertificate } = options;
  if (ownCertificate !== undefined) checkOwn(ownCertificate, clock.nowMs());
  try {
    await requireFreePort({ port, listenAddress, purpose: "HTTPS (--tls-port)" });
  } catch (error) {
    if (!(error instanceof EmbeddedError) || options.needsTls) throw error;
    report({ event: "notice", message: `there is no HTTPS this time. ${error.message}` });
    return undefined;
  }
  if (options.isLoopback) return { port };
  const authority = await openAuthority(input.folder.tls, clock.nowMs());
  const { file } = await ensureServerCertificate({ authority, names: serverNames(options), nowMs: clock.nowMs() });
  return { port, agents: { authority, serverFile: file } };
}

function checkOwn(files: NonNullable<UpOptions["ownCertificate"]>, nowMs: number): void {
  try {
    readOwnCertificate(files, nowMs);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw usageError(
      error.message,
      "Name a certificate (PEM, with its chain) and its key with --tls-cert and --tls-key",
    );
  }
}

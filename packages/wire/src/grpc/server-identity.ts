import { experimental, type ServerCredentials } from "@grpc/grpc-js";

/** PEM. An agent must present a certificate of the authority `clientCa`, or its connection ends in the handshake. */
export interface AgentServerTls {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly clientCa: Buffer;
}

export interface ServerIdentity {
  readonly credentials: ServerCredentials;
  /** New connections are made with it; those that are open go on. */
  change(pair: Pick<AgentServerTls, "key" | "cert">): void;
}

/** What a server shows of itself, which may change while it runs. */
export function createServerIdentity(tls: AgentServerTls): ServerIdentity {
  const listeners = new Set<experimental.IdentityCertificateUpdateListener>();
  const { clientCa } = tls;
  let update = { certificate: tls.cert, privateKey: tls.key };
  const provider: experimental.CertificateProvider = {
    addIdentityCertificateListener(listener) {
      listeners.add(listener);
      // not at once: whom the listener tells is entered only after this call
      queueMicrotask(() => listener(update));
    },
    removeIdentityCertificateListener: (listener) => void listeners.delete(listener),
    addCaCertificateListener(listener) {
      queueMicrotask(() => listener({ caCertificate: clientCa }));
    },
    removeCaCertificateListener: () => undefined,
  };
  return {
    credentials: experimental.createCertificateProviderServerCredentials(provider, provider, true),
    change({ key, cert }) {
      update = { certificate: cert, privateKey: key };
      for (const listener of listeners) listener(update);
    },
  };
}

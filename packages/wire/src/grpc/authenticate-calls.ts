import { type Metadata, ServerInterceptingCall, type ServerInterceptor, ServerListenerBuilder } from "@grpc/grpc-js";
import { Refusal } from "@windrow/model";
import type { AgentCaller } from "../agent-api.ts";
import type { WireLogger } from "../wire-logger.ts";
import { toCallEnd } from "./error-table.ts";

/** What the peer of a connection proved: the handshake checked its signature, its issuer and its times. */
export interface PeerCertificate {
  /** DER. */
  readonly raw: Buffer;
  /** SHA-256, hex: two certificates with the same are the same. */
  readonly fingerprint: string;
}

/** Finds out whose certificate this is. Throws a Refusal `unauthenticated`, `not_allowed` or `too_many`, or a retryable fault. */
export type Authenticate = (peer: PeerCertificate) => Promise<AgentCaller>;

export interface CallAuthentication {
  readonly interceptor: ServerInterceptor;
  /** The caller of a call that the interceptor let through. */
  callerOf(metadata: Metadata): AgentCaller;
}

/**
 * Authenticates each call by the certificate of its connection: until that is done no byte of its body is read, so a peer
 * that is no agent any more cannot make the controller hold anything.
 */
export function authenticateCalls(authenticate: Authenticate, logger: WireLogger): CallAuthentication {
  const callers = new WeakMap<Metadata, AgentCaller>();

  const interceptor: ServerInterceptor = (_method, call) =>
    new ServerInterceptingCall(call, {
      start(next) {
        const listener = new ServerListenerBuilder().withOnReceiveMetadata((metadata, pass) => {
          identify(call.getAuthContext().sslPeerCertificate).then(
            (caller) => {
              callers.set(metadata, caller);
              pass(metadata);
            },
            (error: unknown) => {
              const end = toCallEnd(error);
              if (end.isBug) logger.error({ err: error }, "authenticating an agent failed");
              call.sendStatus({ code: end.code, details: end.details, metadata: end.metadata });
            },
          );
        });
        next(listener.build());
      },
    });

  async function identify(shown: { readonly raw: Buffer; readonly fingerprint256: string } | undefined) {
    // the handshake ends without one already
    if (shown === undefined) throw new Refusal("unauthenticated", "the connection shows no certificate of an agent");
    return authenticate({ raw: shown.raw, fingerprint: shown.fingerprint256 });
  }

  return {
    interceptor,
    callerOf(metadata) {
      const caller = callers.get(metadata);
      if (caller === undefined) throw new Error(`a call passed without a caller`);
      return caller;
    },
  };
}

import { type Metadata, ServerInterceptingCall, type ServerInterceptor, ServerListenerBuilder } from "@grpc/grpc-js";
import { Refusal } from "@windrow/model";
import type { AgentCaller } from "../agent-api.ts";
import { CREDENTIAL_CHARS_MAX } from "../limits.ts";
import type { WireLogger } from "../wire-logger.ts";
import { toCallEnd } from "./error-table.ts";

/** Finds out whose credential this is. Throws a Refusal `unauthenticated` or `not_allowed`, or a retryable fault. */
export type Authenticate = (credential: string) => Promise<AgentCaller>;

export interface CallAuthentication {
  readonly interceptor: ServerInterceptor;
  /** The caller of a call that the interceptor let through. */
  callerOf(metadata: Metadata): AgentCaller;
}

/**
 * Authenticates a call from its headers alone: until that is done no byte of its body is read, so a peer without a
 * credential cannot make the controller hold anything.
 */
export function authenticateCalls(authenticate: Authenticate, logger: WireLogger): CallAuthentication {
  const callers = new WeakMap<Metadata, AgentCaller>();

  const interceptor: ServerInterceptor = (_method, call) =>
    new ServerInterceptingCall(call, {
      start(next) {
        const listener = new ServerListenerBuilder().withOnReceiveMetadata((metadata, pass) => {
          identify(metadata).then(
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

  async function identify(metadata: Metadata): Promise<AgentCaller> {
    const [value] = metadata.get("authorization");
    const credential = typeof value === "string" ? /^Bearer (\S+)$/.exec(value)?.[1] : undefined;
    if (credential === undefined || credential.length > CREDENTIAL_CHARS_MAX) {
      throw new Refusal("unauthenticated", "the call carries no agent credential");
    }
    return authenticate(credential);
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

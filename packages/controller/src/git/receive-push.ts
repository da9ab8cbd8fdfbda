import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { Refusal } from "@windrow/model";
import type { Logger } from "@windrow/service";
import { type Database, findRepository } from "@windrow/store";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { JobPrincipal, UserPrincipal } from "../http-api/principal.ts";
import { describeError } from "../http-api/problems.ts";
import { backendRequest, type GitCall } from "./git-call.ts";
import type { GitEnvironment } from "./git-environment.ts";
import { type HookReply, type HookRequest, openHookSession } from "./hook-session.ts";
import { type BackendProcess, startHttpBackend } from "./http-backend.ts";
import type { AcceptedPush, PushGate } from "./push-gate.ts";
import { createRepositoryFolder, removeRepositoryFolder, repositoryFolder } from "./repository-folder.ts";

/** Only a flush packet: how git asks, before a large push, whether it may. */
const PROBE_LENGTH = "4";

export interface ReceivePushDeps {
  readonly db: Database;
  readonly logger: Logger;
  readonly environment: GitEnvironment;
  readonly gate: PushGate;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
  /** Aborts when the client is gone. */
  readonly left: AbortSignal;
}

const firstPushes = new Map<string, number>();

/**
 * One push, from the request's body to the last line on the pushing terminal. A first push makes the repository; if git
 * or the gate refuses it, nothing stays.
 */
export async function receivePush(
  deps: ReceivePushDeps,
  push: {
    readonly call: GitCall;
    readonly principal: UserPrincipal | JobPrincipal;
    readonly request: FastifyRequest;
    readonly reply: FastifyReply;
    readonly relay: (backend: BackendProcess) => Promise<void>;
  },
): Promise<void> {
  const { call, request } = push;
  const isProbe = request.headers["content-length"] === PROBE_LENGTH;
  const { emptyRepository } = deps.environment;
  if (isProbe || (call.exists && call.folder !== emptyRepository)) return runPush(deps, push, call);
  const folder = repositoryFolder(deps.environment.gitDir, call);
  firstPushes.set(folder, (firstPushes.get(folder) ?? 0) + 1);
  try {
    await mkdir(dirname(folder), { recursive: true });
    await createRepositoryFolder(folder, "main");
    await runPush(deps, push, { ...call, folder });
  } finally {
    const others = (firstPushes.get(folder) ?? 1) - 1;
    if (others > 0) firstPushes.set(folder, others);
    else {
      firstPushes.delete(folder);
      if ((await findRepository(deps.db, call)) === undefined) await removeRepositoryFolder(folder);
    }
  }
}

async function runPush(
  deps: ReceivePushDeps,
  push: {
    readonly principal: UserPrincipal | JobPrincipal;
    readonly request: FastifyRequest;
    readonly relay: (backend: BackendProcess) => Promise<void>;
  },
  call: GitCall,
): Promise<void> {
  let accepted: AcceptedPush | undefined;
  const answer = async (hook: HookRequest, reply: HookReply): Promise<boolean> => {
    try {
      if (hook.excess !== undefined) throw new Refusal("too_many", hook.excess);
      if (hook.hook === "pre-receive") {
        const { options, updates } = hook;
        accepted = await deps.gate.accept({ ...call, principal: push.principal, options, updates });
      } else {
        await accepted?.build(hook.updates, reply.say, AbortSignal.any([deps.stopping, deps.left]));
      }
      return true;
    } catch (error) {
      const { problem, isBug } = describeError(
        error instanceof Error ? error : new Error(String(error)),
        push.request.id,
      );
      if (isBug) deps.logger.error({ err: error, hook: hook.hook }, "hook failed");
      reply.say(`windrow: ${problem.detail}`);
      if (hook.hook === "post-receive") reply.say("windrow: the push is kept and will be built");
      else if (problem.hint !== undefined) reply.say(`windrow: ${problem.hint}`);
      return false;
    }
  };
  const session = await openHookSession({ sessionsDir: deps.environment.sessionsDir, answer });
  const backend = startHttpBackend({
    ...backendRequest(deps.environment, call, push.request),
    extraEnv: { WINDROW_HOOK_DIR: session.dir },
  });
  try {
    await push.relay(backend);
  } finally {
    await session.close();
  }
}

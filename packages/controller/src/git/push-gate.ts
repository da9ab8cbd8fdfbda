import type { RefUpdate } from "@windrow/store";
import type { JobPrincipal, UserPrincipal } from "../http-api/principal.ts";
import type { RepositoryName } from "./repository-folder.ts";

/** A push as the hook before the ref updates tells it. */
export interface IncomingPush extends RepositoryName {
  readonly folder: string;
  readonly principal: UserPrincipal | JobPrincipal;
  readonly options: readonly string[];
  readonly updates: readonly RefUpdate[];
}

/** What git hosting asks of intake at each push. */
export interface PushGate {
  /**
   * Before git updates any ref. Records the updates, or throws a Refusal, which the pushing terminal shows; then nothing
   * at all happens.
   */
  accept(push: IncomingPush): Promise<AcceptedPush>;
}

export interface AcceptedPush {
  /**
   * After git updated these refs: starts what they start and tells the terminal, with `-o wait` until the end. Never
   * throws for what stands in the repository. Updates that git did not make are the repair sweep's.
   */
  build(updates: readonly RefUpdate[], say: (line: string) => void, signal: AbortSignal): Promise<void>;
}

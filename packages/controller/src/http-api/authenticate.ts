import { type Permissions, Refusal, type Trust } from "@windrow/model";
import type { Clock } from "@windrow/service";
import { type Database, findValidToken, touchToken } from "@windrow/store";
import type { Principal } from "./principal.ts";
import { hashToken, isSameHash, tokenKind } from "./token-secret.ts";
import { createWrongTokenLimit } from "./wrong-token-limit.ts";

/** What a job's own token stands for while its attempt is open. */
export interface JobTokenHolder {
  readonly attemptId: string;
  readonly jobId: number;
  readonly repositoryId: number;
  readonly owner: string;
  /** Its name below its owner. */
  readonly repository: string;
  readonly trust: Trust;
  readonly permissions: Permissions;
}

export interface Authenticator {
  /**
   * Who holds the token. Throws a Refusal: `unauthenticated` for a missing, unknown, revoked or expired token,
   * `too_many` for wrong tokens from an address that sent too many of them.
   */
  authenticate(token: string | undefined, address: string): Promise<Principal>;
}

export function createAuthenticator(deps: {
  readonly db: Database;
  readonly clock: Clock;
  readonly findJobToken: (hash: Buffer) => Promise<JobTokenHolder | undefined>;
  /** Told of each wrong token, and whether its address was shut out already. */
  readonly onWrong?: (outcome: "wrong" | "shut_out") => void;
}): Authenticator {
  const limit = createWrongTokenLimit(deps.clock);

  return {
    async authenticate(token, address) {
      if (token === undefined || token === "") {
        throw new Refusal("unauthenticated", "this needs a token", {
          hint: "send it as `Authorization: Bearer …`, or as the password of basic authentication",
        });
      }
      // looked up first: whoever holds a right token is not shut out because a neighbour behind the same address errs
      const principal = await find(token, hashToken(token));
      if (principal !== undefined) return principal;
      if (limit.isOver(address)) {
        deps.onWrong?.("shut_out");
        throw new Refusal("too_many", "too many wrong tokens from this address", { hint: "wait a minute" });
      }
      deps.onWrong?.("wrong");
      limit.count(address);
      throw new Refusal("unauthenticated", "the token is wrong, expired or revoked", {
        hint: "an admin makes a new one with `windrow token create`",
      });
    },
  };

  async function find(token: string, hash: Buffer): Promise<Principal | undefined> {
    const kind = tokenKind(token);
    if (kind === "wrt") {
      const holder = await deps.findJobToken(hash);
      if (holder === undefined) return undefined;
      const { owner, repository, ...rest } = holder;
      const { attemptId, jobId, repositoryId, trust, permissions } = rest;
      return { kind: "job", attemptId, jobId, repositoryId, repository: `${owner}/${repository}`, trust, permissions };
    }
    if (kind !== "wru" && kind !== "wrj") return undefined;
    const row = await findValidToken(deps.db, hash);
    if (row === undefined || !isSameHash(row.hash, hash)) return undefined;
    if (row.kind === "join") return { kind: "join", tokenId: row.id, name: row.name, pool: row.pool ?? "default" };
    if (row.role === null) return undefined;
    await touchToken(deps.db, row.id);
    return { kind: "user", tokenId: row.id, name: row.name, role: row.role, owner: row.owner };
  }
}

const BASIC_PATTERN = /^Basic\s+([A-Za-z0-9+/=]+)$/i;
const BEARER_PATTERN = /^Bearer\s+(\S+)$/i;

/** The token of an Authorization header: a bearer token, or the password of basic authentication (any user name). */
export function readAuthorization(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const bearer = BEARER_PATTERN.exec(header)?.[1];
  if (bearer !== undefined) return bearer;
  const basic = BASIC_PATTERN.exec(header)?.[1];
  if (basic === undefined) return undefined;
  const pair = Buffer.from(basic, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon < 0 ? undefined : pair.slice(colon + 1);
}

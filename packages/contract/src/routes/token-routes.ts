import type { RouteDefinition } from "../route.ts";
import {
  createTokenAnswerSchema,
  createTokenSchema,
  listTokensQuerySchema,
  tokenPageSchema,
  tokenParamsSchema,
  tokenSchema,
} from "../tokens.ts";

/** Tokens. */
export const TOKEN_ROUTES = {
  listTokens: {
    method: "GET",
    path: "/api/v1/tokens",
    summary: "User and join tokens, without their secrets",
    tag: "tokens",
    permission: "token:manage",
    kind: "json",
    query: listTokensQuerySchema,
    successStatus: 200,
    answer: tokenPageSchema,
  },
  createToken: {
    method: "POST",
    path: "/api/v1/tokens",
    summary: "Make a token; its secret is shown once",
    tag: "tokens",
    permission: "token:manage",
    kind: "json",
    body: createTokenSchema,
    successStatus: 201,
    answer: createTokenAnswerSchema,
  },
  revokeToken: {
    method: "DELETE",
    path: "/api/v1/tokens/:token_id",
    summary: "Make a token worthless at once",
    tag: "tokens",
    permission: "token:manage",
    kind: "json",
    params: tokenParamsSchema,
    successStatus: 200,
    answer: tokenSchema,
  },
} as const satisfies Record<string, RouteDefinition>;

import type * as z from "zod";
import type { Permission } from "./permissions.ts";

/** How a route answers: one JSON document, raw bytes, or a stream of server-sent events (see FOLLOW_MESSAGES). */
export type RouteKind = "json" | "bytes" | "events";

/** One route of the HTTP API, for the server that registers it and the client that calls it. */
export interface RouteDefinition {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With `:name` where a value of `params` stands. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  /** `none` is open to everybody; health and readiness, and renewal, which proves a key. */
  readonly permission: Permission | "none" | "any";
  readonly kind: RouteKind;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** HTTP status of success. */
  readonly successStatus: 200 | 201 | 202 | 204;
  readonly answer?: z.ZodType;
}

type SchemaOf<R, K extends string> = K extends keyof R ? (R[K] extends z.ZodType ? R[K] : never) : never;

/** What the handler receives. */
export type RouteParams<R> = z.output<SchemaOf<R, "params">>;
export type RouteQuery<R> = z.output<SchemaOf<R, "query">>;
export type RouteBody<R> = z.output<SchemaOf<R, "body">>;
/** What the caller gives: defaults may be left out. */
export type RouteParamsIn<R> = z.input<SchemaOf<R, "params">>;
export type RouteQueryIn<R> = z.input<SchemaOf<R, "query">>;
export type RouteBodyIn<R> = z.input<SchemaOf<R, "body">>;
export type RouteAnswer<R> = z.output<SchemaOf<R, "answer">>;

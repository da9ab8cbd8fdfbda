import {
  ROUTES,
  type RouteAnswer,
  type RouteBodyIn,
  type RouteDefinition,
  type RouteName,
  type RouteParamsIn,
  type RouteQueryIn,
} from "@windrow/contract";
import { CliError } from "../cli-error.ts";
import { buildPath } from "./build-path.ts";
import { isConnectFailure, responseToError, unreachable } from "./response-to-error.ts";

type Routes = typeof ROUTES;
type Part<R, K extends string, V> = K extends keyof R ? { readonly [P in K]: V } : { readonly [P in K]?: undefined };

interface AnyInput {
  readonly params?: object | undefined;
  readonly query?: object | undefined;
  readonly body?: unknown;
}

/** What a route must be given: `params` and `body` where it has them, and perhaps a `query`. */
export type RouteInput<N extends RouteName> = AnyInput &
  Part<Routes[N], "params", RouteParamsIn<Routes[N]>> &
  Part<Routes[N], "body", RouteBodyIn<Routes[N]>> &
  (Routes[N] extends { query: unknown }
    ? { readonly query?: RouteQueryIn<Routes[N]> }
    : { readonly query?: undefined });

/** The answer as checked, and as it came for `--json`. */
export interface Answer<T> {
  readonly answer: T;
  readonly json: unknown;
}

export interface ApiClientOptions {
  /** Controllers of one farm; when one cannot be reached the next is asked. */
  readonly urls: readonly string[];
  readonly token: string | undefined;
  readonly fetch?: typeof fetch;
  /** How long one request may wait for its answer's head. */
  readonly answerMaxMs?: number;
}

/** The HTTP API as functions. Every failure is a CliError with the problem's code and hint. */
export interface ApiClient {
  /** The address that answered last (at first the one configured first). */
  readonly url: string;
  readonly token: string | undefined;
  call<N extends RouteName>(name: N, input: RouteInput<N>): Promise<Answer<RouteAnswer<Routes[N]>>>;
  /** For routes that answer bytes or events: the response, already known to be a success. */
  open<N extends RouteName>(name: N, input: RouteInput<N>, options?: OpenOptions): Promise<Response>;
}

export interface OpenOptions {
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

const ANSWER_MAX_MS_DEFAULT = 30_000;
const UNAVAILABLE = 503;

export function createApiClient(options: ApiClientOptions): ApiClient {
  const urls = [...options.urls];
  const send = options.fetch ?? fetch;
  const answerMaxMs = options.answerMaxMs ?? ANSWER_MAX_MS_DEFAULT;

  const sendTo = async (url: string, route: RouteDefinition, path: string, body: unknown, open: OpenOptions) => {
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(new Error(`no answer within ${answerMaxMs / 1000} s`)), answerMaxMs);
    try {
      return await send(url + path, {
        method: route.method,
        headers: {
          accept: route.kind === "events" ? "text/event-stream" : "application/json, application/octet-stream",
          ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...open.headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([waiting.signal, ...(open.signal === undefined ? [] : [open.signal])]),
      });
    } finally {
      clearTimeout(timer);
    }
  };

  const open: ApiClient["open"] = async (name, input, openOptions = {}) => {
    const route: RouteDefinition = ROUTES[name];
    const path = buildPath(route, input);
    let lastError: unknown;
    for (let tried = 0; tried < options.urls.length; tried++) {
      const [url = ""] = urls;
      let response: Response;
      try {
        response = await sendTo(url, route, path, input.body, openOptions);
      } catch (error) {
        if (openOptions.signal?.aborted) throw error;
        lastError = unreachable(url, error);
        // what may have changed something is not sent twice unless the connection was never made
        if (route.method !== "GET" && route.kind === "json" && !isConnectFailure(error)) throw lastError;
        urls.push(...urls.splice(0, 1));
        continue;
      }
      if (response.ok) return response;
      lastError = await responseToError(response);
      // a controller that cannot serve has done nothing; another one may be well
      if (response.status !== UNAVAILABLE) throw lastError;
      urls.push(...urls.splice(0, 1));
    }
    throw lastError;
  };

  return {
    get url() {
      return urls[0] ?? "";
    },
    token: options.token,
    open,
    async call(name, input) {
      const response = await open(name, input);
      const route: RouteDefinition = ROUTES[name];
      const json: unknown = response.status === 204 ? undefined : await response.json();
      const parsed = route.answer?.safeParse(json);
      if (parsed?.success === false) {
        throw new CliError(`the farm's answer was not understood: ${parsed.error.issues[0]?.message ?? ""}`, {
          code: "bad_answer",
          hint: "Farm and command line may be of different versions; compare with: windrow doctor",
          cause: parsed.error,
        });
      }
      return { answer: parsed?.data as RouteAnswer<Routes[typeof name]>, json };
    },
  };
}

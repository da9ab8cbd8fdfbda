/** What one request to the gateway is about. */
export type GatewayRoute =
  | {
      readonly kind: "git";
      readonly repository: string;
      readonly service: string;
      readonly search: string;
      /** It may change the repository. */
      readonly writes: boolean;
      /** Large files of git LFS, whose answers name addresses. */
      readonly isLfs: boolean;
    }
  /** Artifacts and caches, in the protocols of the toolkit's clients. */
  | { readonly kind: "results"; readonly what: string }
  | { readonly kind: "api" }
  | { readonly kind: "refuse"; readonly code: number; readonly why: string };

const GIT_PATH = /^\/([A-Za-z0-9_.-]+)\/([A-Za-z0-9_.-]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/;
const LFS_PATH =
  /^\/([A-Za-z0-9_.-]+)\/([A-Za-z0-9_.-]+?)(?:\.git)?\/(info\/lfs\/(?:objects\/(?:batch|[0-9a-f]{64})|locks\/verify))$/;
const SERVICES: ReadonlySet<string | null> = new Set(["git-upload-pack", "git-receive-pack"]);
const TWIRP_PATH = /^\/twirp\/github\.actions\.results\.api\.v1\.(\w+)\/(\w+)$/;
const CACHE_PATH = /^\/_apis\/artifactcache(?:\/|$)/;
const PIPELINES_PATH = /^\/_apis\/pipelines\/workflows(?:\/|$)/;
const API_PATH = /^\/api(?:\/|$)/;

/** Decides by method and target alone; whose request it is comes later. */
export function routeRequest(method: string | undefined, target: string | undefined): GatewayRoute {
  const url = parseTarget(target);
  if (url === undefined) return { kind: "refuse", code: 400, why: "not a request target the gateway understands" };
  const { pathname } = url;
  const git = GIT_PATH.exec(pathname);
  if (git !== null) return routeGit(method, url, git);
  const lfs = LFS_PATH.exec(pathname);
  if (lfs !== null) return routeLfs(method, url, lfs);
  const twirp = TWIRP_PATH.exec(pathname);
  if (twirp !== null) return { kind: "results", what: twirp[1] === "CacheService" ? "caches" : "artifacts" };
  if (CACHE_PATH.test(pathname)) return { kind: "results", what: "caches" };
  if (PIPELINES_PATH.test(pathname)) return { kind: "results", what: "artifacts" };
  if (API_PATH.test(pathname)) return { kind: "api" };
  return { kind: "refuse", code: 404, why: "the gateway serves git and the job's results" };
}

function routeGit(method: string | undefined, url: URL, match: RegExpExecArray): GatewayRoute {
  const [, owner, name, service = ""] = match;
  const isRead = service === "info/refs";
  const asked = isRead ? url.searchParams.get("service") : service;
  if (!SERVICES.has(asked) || method !== (isRead ? "GET" : "POST")) {
    return { kind: "refuse", code: 400, why: "not a git smart HTTP request" };
  }
  const writes = asked === "git-receive-pack";
  return { kind: "git", repository: `${owner}/${name}`, service, search: url.search, writes, isLfs: false };
}

function routeLfs(method: string | undefined, url: URL, match: RegExpExecArray): GatewayRoute {
  const [, owner, name, service = ""] = match;
  const isObject = /[0-9a-f]{64}$/.test(service);
  if (isObject ? method !== "GET" && method !== "PUT" : method !== "POST") {
    return { kind: "refuse", code: 400, why: "not a request of git LFS" };
  }
  const writes = method === "PUT";
  return { kind: "git", repository: `${owner}/${name}`, service, search: url.search, writes, isLfs: true };
}

/** Any program of the machine may send any bytes here: what is no URL is undefined. */
function parseTarget(target: string | undefined): URL | undefined {
  const base = "http://windrow.localhost";
  return URL.canParse(target ?? "/", base) ? new URL(target ?? "/", base) : undefined;
}

/** The inputs of one checkout, read and found sound. */
export interface CheckoutInputs {
  /** `owner/name`; undefined is the run's own. */
  readonly repository: string | undefined;
  /** As written, without what surrounds it; empty when not given. */
  readonly ref: string;
  /** Below the workspace. */
  readonly path: string;
  /** 0 is all of the history. */
  readonly depth: number;
  readonly hasTags: boolean;
  readonly isClean: boolean;
  readonly isPersistent: boolean;
  readonly submodules: "false" | "true" | "recursive";
  readonly sparse: string;
  readonly isCone: boolean;
  readonly filter: string;
  readonly hasLfs: boolean;
  readonly isSafe: boolean;
  /** For the step's log. */
  readonly notes: readonly string[];
}

export interface CheckoutInputsOptions {
  /** As evaluated, names in lower case. */
  readonly inputs: ReadonlyMap<string, string>;
  readonly jobToken: string;
  readonly serverUrl: string;
}

const KNOWN = new Set([
  ...["repository", "ref", "token", "path", "clean", "fetch-depth", "fetch-tags", "persist-credentials", "submodules"],
  ...["sparse-checkout", "sparse-checkout-cone-mode", "lfs", "ssh-key", "show-progress", "set-safe-directory"],
  ...["filter", "github-server-url"],
]);

/** What git itself would refuse, and everything a shell or an option parser could misread. */
const REF = /^(?![-/@]$)(?![-/+])(?!.*(\.\.|\/\/|\/\.|@\{|\/$|\.lock$|\.lock\/|\.$))(?!\.)[^\s~^:?*[\\\p{Cc}\p{Cf}]+$/u;
const REF_CHARS_MAX = 512;
const REPOSITORY = /^(?!.*\.git$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/;
const FILTER = /^(?:blob:none|blob:limit=\d{1,12}[kmg]?|tree:\d{1,4})$/;
const SPARSE_CHARS_MAX = 64 * 1024;
const PATH_CHARS_MAX = 1_024;

/** Refuses, in a sentence, what means something else than it should and what cannot be done; nothing is done then. */
export function readCheckoutInputs({ inputs, jobToken, serverUrl }: CheckoutInputsOptions): CheckoutInputs | string {
  const of = (name: string): string => (inputs.get(name) ?? "").trim();
  const repository = of("repository");
  if (repository !== "" && (!REPOSITORY.test(repository) || repository.includes(".."))) {
    return `repository '${repository}' is not owner/name of a repository`;
  }
  const ref = of("ref");
  if (ref !== "" && (ref.length > REF_CHARS_MAX || !REF.test(ref))) return `ref '${ref}' is not a name git allows`;
  const path = of("path") || ".";
  if (path.startsWith("/") || path.split("/").includes("..") || path.length > PATH_CHARS_MAX || /\p{Cc}/u.test(path)) {
    return `path '${path}' is not below the workspace`;
  }
  if (path.split("/").some((part) => part.toLowerCase() === ".git")) return `path '${path}' is git's own`;
  const depth = of("fetch-depth") || "1";
  if (!/^\d{1,9}$/.test(depth)) return `fetch-depth is '${depth}', not a number`;
  const submodules = of("submodules").toLowerCase() || "false";
  if (submodules !== "false" && submodules !== "true" && submodules !== "recursive") {
    return `submodules is '${submodules}', not true, false or recursive`;
  }
  const filter = of("filter");
  if (filter !== "" && !FILTER.test(filter)) {
    return `filter '${filter}' is none of blob:none, blob:limit=SIZE and tree:DEPTH`;
  }
  const sparse = of("sparse-checkout");
  if (sparse.length > SPARSE_CHARS_MAX) return `sparse-checkout is longer than ${SPARSE_CHARS_MAX} characters`;
  if (of("ssh-key") !== "") {
    return "ssh-key cannot be used: a job fetches over HTTP with its own token; other repositories of this farm let it in with `windrow repo set OWNER/NAME --readable-by`";
  }
  const notes = [...inputs.keys()]
    .filter((name) => !KNOWN.has(name))
    .map((name) => `Note: the input '${name}' has no effect here`);
  const token = inputs.get("token") ?? "";
  if (token !== "" && token !== jobToken) notes.push("Note: the job's own token is used, not the one that was given");
  const server = of("github-server-url").replace(/\/+$/, "");
  if (server !== "" && server !== serverUrl) {
    notes.push(`Note: github-server-url has no effect here: repositories come from this farm (${serverUrl})`);
  }
  return {
    repository: repository === "" ? undefined : repository,
    ref: /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(ref) ? ref.toLowerCase() : ref,
    path,
    depth: Number(depth),
    hasTags: isTrue(of("fetch-tags")),
    isClean: !isFalse(of("clean")),
    isPersistent: !isFalse(of("persist-credentials")),
    submodules,
    sparse,
    isCone: !isFalse(of("sparse-checkout-cone-mode")),
    filter,
    hasLfs: isTrue(of("lfs")),
    isSafe: !isFalse(of("set-safe-directory")),
    notes,
  };
}

const isFalse = (text: string): boolean => text.toLowerCase() === "false";
const isTrue = (text: string): boolean => text.toLowerCase() === "true";
